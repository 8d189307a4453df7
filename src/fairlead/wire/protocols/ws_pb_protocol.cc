#include "fairlead/wire/protocols/ws_pb_protocol.h"

#include <string>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/message_tail.h"
#include "fairlead/wire/protocols/pb_fields.h"
#include "fairlead/wire/protocols/pb_scanner.h"

namespace fairlead::wire {
namespace {

using internal::Aside;
using internal::PbScanner;

enum Field : std::uint32_t {
  kSeq = 1,
  kKind,
  kMethod,
  kMetadata,
  kBodyCodec,
  kBody,
  kTransforms,
  kStatus
};

struct Numbers {
  std::int32_t kind = 0;
  std::int32_t body_codec = 0;
  bool has_seq = false;
};

bool read_field(PbScanner& scanner, Numbers& numbers, MessageView& message) {
  std::uint64_t tag = 0;
  if (!scanner.tag(tag)) return false;
  switch (tag >> 3) {
    case kSeq:
      numbers.has_seq = true;
      return scanner.number(tag, message.seq);
    case kKind:
      return scanner.number(tag, numbers.kind);
    case kMethod:
      return scanner.text(tag, message.method);
    case kMetadata:
      return scanner.text(tag, message.metadata);
    case kBodyCodec:
      return scanner.number(tag, numbers.body_codec);
    case kBody:
      return scanner.text(tag, message.body);
    case kTransforms:
      return scanner.text(tag, message.transforms);
    case kStatus:
      return scanner.text(tag, message.status);
    default:
      return scanner.skip(tag);
  }
}

// False: the scanner says what is wrong; what came before has been taken.
bool read_fields(PbScanner& scanner, Numbers& numbers, MessageView& message) {
  while (!scanner.at_end()) {
    if (!read_field(scanner, numbers, message)) return false;
  }
  return true;
}

bool is_kind(std::int32_t number) { return number >= 1 && number <= 5; }

}  // namespace

Received WsPbProtocol::parse(std::string_view input, const Limits& limits,
                             const TransformSet* transforms) const {
  const auto size = static_cast<std::uint32_t>(input.size());
  if (input.size() > limits.frame_bytes_max) {
    return internal::refused(Fault::kTooBig, size, limits);
  }
  Received received;
  received.state = Received::State::kMessage;
  received.size = size;
  MessageView& message = received.message;
  Numbers numbers;
  PbScanner scanner(input);
  if (!read_fields(scanner, numbers, message)) {
    return internal::bad_layout(name(), scanner.problem(), scanner.at());
  }
  if (numbers.body_codec < 0 || numbers.body_codec > 255) {
    return internal::bad_layout(name(), "bodyCodec is no byte", scanner.at());
  }
  if (message.transforms.size() > kTransformsMax) {
    return internal::bad_layout(name(), "more than 255 transforms", scanner.at());
  }
  if (!is_kind(numbers.kind)) {
    return internal::refused(Fault::kBadKind, static_cast<std::uint32_t>(numbers.kind), limits);
  }
  message.kind = static_cast<Kind>(numbers.kind);
  message.body_codec = static_cast<std::uint8_t>(numbers.body_codec);
  if (!message.transforms.empty()) {
    Status restored = internal::restore_body(transforms, limits, received);
    if (!restored.ok()) internal::make_bad_body(received, std::move(restored));
  }
  return received;
}

std::optional<PeekedHead> WsPbProtocol::peek_head(std::string_view input) const {
  Numbers numbers;
  MessageView message;
  PbScanner scanner(input);
  read_fields(scanner, numbers, message);
  if (!numbers.has_seq || !is_kind(numbers.kind)) return std::nullopt;
  return PeekedHead{message.seq, static_cast<Kind>(numbers.kind)};
}

FrameStart WsPbProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault != Fault::kNone) return start;
  Buffer tail;
  internal::append_pb_text(tail, kTransforms, head.transforms);
  if (head.status != internal::kStatusOk) internal::append_pb_text(tail, kStatus, head.status);
  internal::put_aside(
      out, start, {.tail = std::string(tail.view()), .transforms = std::string(head.transforms)});
  const std::size_t head_at = out.size();
  internal::append_pb_number(out, kSeq, head.seq);
  internal::append_pb_number(out, kKind, static_cast<std::int32_t>(head.kind));
  internal::append_pb_text(out, kMethod, head.method);
  internal::append_pb_text(out, kMetadata, head.metadata);
  internal::append_pb_number(out, kBodyCodec, head.body_codec);
  start.body_at = static_cast<std::uint32_t>(out.size() - head_at);
  return start;
}

Status WsPbProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                            const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const Aside aside = internal::take_aside(out, start);
  const std::size_t body_at = start.offset + start.body_at;
  Status packed = internal::pack_body(out, body_at, aside.transforms, limits, transforms);
  if (!packed.ok()) return internal::take_back(out, start, std::move(packed));
  internal::make_pb_text(out, body_at, kBody);
  out.append(aside.tail);
  return internal::seal_message(out, start, limits);
}

}  // namespace fairlead::wire
