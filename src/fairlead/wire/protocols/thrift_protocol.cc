#include "fairlead/wire/protocols/thrift_protocol.h"

#include <string>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/thrift_frame.h"
#include "fairlead/wire/protocols/thrift_struct.h"
#include "fairlead/wire/protocols/varint.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::wire {
namespace {

// Restores a transformed body. Its owner holds the head's texts too.
Status restore_body(const TransformSet* transforms, const Limits& limits, Received& received) {
  MessageView& message = received.message;
  if (transforms == nullptr) {
    return {Code::kBadMessage, "frame.unknown_transform", "no transforms are registered here"};
  }
  Buffer all;
  for (const std::string_view text :
       {message.transforms, message.method, message.status, message.metadata}) {
    all.append(text);
  }
  FL_TRY(transforms->unpack(message.transforms, message.body, limits.frame_bytes_max, all));
  received.owner = Bytes(all.view());
  std::string_view rest = received.owner.view();
  for (std::string_view* text :
       {&message.transforms, &message.method, &message.status, &message.metadata}) {
    const std::size_t size = text->size();
    *text = rest.substr(0, size);
    rest.remove_prefix(size);
  }
  message.body = rest;
  return {};
}

void make_bad_body(Received& received, Status why) {
  received.state = Received::State::kBadBody;
  received.message.body = {};
  received.status = std::move(why);
}

Status no_struct(Code code) {
  return {code, "frame.bad_body", "the body is not one Thrift struct and nothing else"};
}

bool is_struct(std::string_view body) { return internal::thrift_struct_size(body) == body.size(); }

}  // namespace

Received ThriftBinaryProtocol::parse(std::string_view input, const Limits& limits,
                                     const TransformSet* transforms) const {
  std::string_view body_codec;
  Received received = internal::read_thrift_frame(input, limits, body_codec);
  if (received.state != Received::State::kMessage) return received;
  MessageView& message = received.message;
  const std::size_t body_at = static_cast<std::size_t>(message.body.data() - input.data());
  if (body_codec.size() > 1 || message.transforms.size() > kTransformsMax) {
    return internal::bad_layout("thrift", "a header is too long", body_at);
  }
  if (message.body.size() < internal::kLengthBytes ||
      load_u32(message.body.data()) != message.body.size() - internal::kLengthBytes) {
    return internal::bad_layout("thrift", "the body's length is not what is left", body_at);
  }
  message.body.remove_prefix(internal::kLengthBytes);
  if (!body_codec.empty()) message.body_codec = static_cast<std::uint8_t>(body_codec.front());
  if (!message.transforms.empty()) {
    Status restored = restore_body(transforms, limits, received);
    if (!restored.ok()) make_bad_body(received, std::move(restored));
  }
  return received;
}

std::optional<PeekedHead> ThriftBinaryProtocol::peek_head(std::string_view input) const {
  return internal::peek_thrift_head(input);
}

FrameStart ThriftBinaryProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault == Fault::kNone) start.fault = internal::check_thrift_kind(head.kind);
  if (start.fault != Fault::kNone) return start;
  start.transform_count = static_cast<std::uint8_t>(head.transforms.size());
  const char codec = static_cast<char>(head.body_codec);
  // The ids come first: finish() finds them at a place that does not depend on the other pairs.
  internal::write_thrift_frame(
      out, head,
      {{internal::kTransformsKey, head.transforms},
       {internal::kBodyCodecKey, {&codec, 1}},
       {internal::kStatusKey, head.status.empty() ? internal::kStatusOk : head.status},
       {internal::kMetadataKey, head.metadata}});
  out.append(std::string_view("\0\0\0\0", internal::kLengthBytes));
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

Status ThriftBinaryProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                                    const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const std::size_t body_at = start.offset + start.body_at;
  if (start.transform_count > 0) {
    const std::size_t ids_at =
        start.offset + internal::kFirstValueAt + internal::varint_size(start.transform_count);
    const std::string_view ids = out.view().substr(ids_at, start.transform_count);
    Buffer packed;
    Status status(Code::kEncodeFailed, "frame.unknown_transform",
                  "no transforms are registered here");
    if (transforms != nullptr) status = transforms->pack(ids, out.view().substr(body_at), packed);
    if (!status.ok()) return internal::take_back(out, start, std::move(status));
    out.truncate(body_at);
    out.append(packed.view());
  }
  store_u32(out.at(body_at - internal::kLengthBytes),
            static_cast<std::uint32_t>(out.size() - body_at));
  return internal::seal_thrift_frame(out, start, limits);
}

Received ThriftStructProtocol::parse(std::string_view input, const Limits& limits,
                                     const TransformSet* /*transforms*/) const {
  std::string_view body_codec;
  Received received = internal::read_thrift_frame(input, limits, body_codec);
  if (received.state != Received::State::kMessage) return received;
  received.message.transforms = {};
  received.message.body_codec = kThriftCodec;
  if (!is_struct(received.message.body)) make_bad_body(received, no_struct(Code::kBadMessage));
  return received;
}

std::optional<PeekedHead> ThriftStructProtocol::peek_head(std::string_view input) const {
  return internal::peek_thrift_head(input);
}

FrameStart ThriftStructProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault == Fault::kNone) start.fault = internal::check_thrift_kind(head.kind);
  if (start.fault == Fault::kNone && parse_status_fields(head.status).code != 0) {
    start.fault = Fault::kStatusNotCarried;
  }
  if (start.fault == Fault::kNone && head.body_codec != kThriftCodec) {
    start.fault = Fault::kCodecNotCarried;
  }
  if (start.fault == Fault::kNone && !head.transforms.empty()) {
    start.fault = Fault::kTransformsNotCarried;
  }
  if (start.fault != Fault::kNone) return start;
  internal::write_thrift_frame(
      out, head,
      {{internal::kStatusKey, head.status.empty() ? internal::kStatusOk : head.status},
       {internal::kMetadataKey, head.metadata}});
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

Status ThriftStructProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                                    const TransformSet* /*transforms*/) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  if (!is_struct(out.view().substr(start.offset + start.body_at))) {
    return internal::take_back(out, start, no_struct(Code::kEncodeFailed));
  }
  return internal::seal_thrift_frame(out, start, limits);
}

}  // namespace fairlead::wire
