#include "fairlead/wire/protocols/pb_protocol.h"

#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/pb_fields.h"
#include "fairlead/wire/protocols/pb_scanner.h"

namespace fairlead::wire {
namespace {

using internal::PbScanner;

enum Field : std::uint32_t { kSeq = 1, kKind, kMethod, kStatus, kMetadata, kBodyCodec, kBody };

struct PbFields {
  std::int32_t seq = 0;
  std::int32_t kind = 0;
  std::int32_t body_codec = 0;
  bool has_seq = false;
  bool has_kind = false;
};

bool read_field(PbScanner& scanner, PbFields& fields, MessageView& message) {
  std::uint64_t tag = 0;
  if (!scanner.tag(tag)) return false;
  switch (tag >> 3) {
    case kSeq:
      fields.has_seq = true;
      return scanner.number(tag, fields.seq);
    case kKind:
      fields.has_kind = true;
      return scanner.number(tag, fields.kind);
    case kMethod:
      return scanner.text(tag, message.method);
    case kStatus:
      return scanner.text(tag, message.status);
    case kMetadata:
      return scanner.text(tag, message.metadata);
    case kBodyCodec:
      return scanner.number(tag, fields.body_codec);
    case kBody:
      return scanner.text(tag, message.body);
    default:
      return scanner.skip(tag);
  }
}

// False: the scanner says what is wrong; what came before has been taken.
bool read_fields(PbScanner& scanner, PbFields& fields, MessageView& message) {
  while (!scanner.at_end()) {
    if (!read_field(scanner, fields, message)) return false;
  }
  return true;
}

}  // namespace

Received PbProtocol::parse(std::string_view input, const Limits& limits,
                           const TransformSet* transforms) const {
  Received received = internal::open_payload(input, limits, transforms);
  if (received.state != Received::State::kMessage) return received;
  MessageView& message = received.message;

  PbFields fields;
  PbScanner scanner(std::exchange(message.body, {}));
  if (!read_fields(scanner, fields, message)) {
    return internal::bad_layout("pb", scanner.problem(), scanner.at());
  }
  if (fields.body_codec < 0 || fields.body_codec > 255) {
    return internal::bad_layout("pb", "bodyCodec is no byte", scanner.at());
  }
  message.seq = fields.seq;
  message.body_codec = static_cast<std::uint8_t>(fields.body_codec);
  if (fields.kind < 1 || fields.kind > 5) {
    received.state = Received::State::kError;
    received.status =
        fault_status(Fault::kBadKind, static_cast<std::uint32_t>(fields.kind), limits);
    message.kind = static_cast<Kind>(0);
  } else {
    message.kind = static_cast<Kind>(fields.kind);
  }
  return received;
}

std::optional<PeekedHead> PbProtocol::peek_head(std::string_view input) const {
  constexpr std::size_t kTextAt = internal::kLengthBytes + 1;
  if (input.size() <= kTextAt || input[internal::kLengthBytes] != 0) return std::nullopt;
  PbFields fields;
  MessageView message;
  PbScanner scanner(input.substr(kTextAt));
  read_fields(scanner, fields, message);
  if (!fields.has_seq || !fields.has_kind || fields.kind < 1 || fields.kind > 5) {
    return std::nullopt;
  }
  return PeekedHead{fields.seq, static_cast<Kind>(fields.kind)};
}

FrameStart PbProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start = internal::begin_envelope(out, head);
  if (start.fault != Fault::kNone) return start;
  internal::append_pb_number(out, kSeq, head.seq);
  internal::append_pb_number(out, kKind, static_cast<std::int32_t>(head.kind));
  internal::append_pb_text(out, kMethod, head.method);
  internal::append_pb_text(out, kStatus, head.status.empty() ? internal::kStatusOk : head.status);
  internal::append_pb_text(out, kMetadata, head.metadata);
  internal::append_pb_number(out, kBodyCodec, head.body_codec);
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

Status PbProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                          const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  internal::make_pb_text(out, start.offset + start.body_at, kBody);
  return internal::seal_envelope(out, start, limits, transforms);
}

}  // namespace fairlead::wire
