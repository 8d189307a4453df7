#include "fairlead/wire/protocols/thrift_protocol.h"

#include <optional>
#include <string>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/thrift_exception.h"
#include "fairlead/wire/protocols/thrift_frame.h"
#include "fairlead/wire/protocols/thrift_struct.h"
#include "fairlead/wire/protocols/varint.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::wire {
namespace {

Status no_struct(Code code) {
  return {code, "frame.bad_body", "the body is not one Thrift struct and nothing else"};
}

bool is_struct(std::string_view body) { return internal::thrift_struct_size(body) == body.size(); }

// Makes of a frame whose payload is an exception the REPLY with an error that it is: without a
// body, and with the status that our header has, or else one made from the exception. What a header
// calls OK is no success: the type of the message says so.
void take_exception(Received& received) {
  MessageView& message = received.message;
  const std::optional<Status> plain = internal::read_thrift_exception(message.body);
  message.body = {};
  message.transforms = {};
  if (!plain.has_value()) return internal::make_bad_body(received, no_struct(Code::kBadMessage));
  if (!parse_status_text(message.status).ok()) return;
  std::string status;
  append_status_text(status, *plain);
  message.status = status;
  Buffer all;
  internal::append_texts(all, message);
  internal::own_texts(received, all);
}

}  // namespace

Received ThriftBinaryProtocol::parse(std::string_view input, const Limits& limits,
                                     const TransformSet* transforms) const {
  internal::ThriftExtras extras;
  Received received = internal::read_thrift_frame(input, limits, extras);
  if (received.state != Received::State::kMessage) return received;
  if (extras.exception) {
    take_exception(received);
    return received;
  }
  MessageView& message = received.message;
  const std::string_view body_codec = extras.body_codec;
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
    Status restored = internal::restore_body(transforms, limits, received);
    if (!restored.ok()) internal::make_bad_body(received, std::move(restored));
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
      out, head, internal::thrift_type_of(head.kind),
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
  internal::ThriftExtras extras;
  Received received = internal::read_thrift_frame(input, limits, extras);
  if (received.state != Received::State::kMessage) return received;
  if (extras.exception) {
    take_exception(received);
    return received;
  }
  received.message.transforms = {};
  received.message.body_codec = kThriftCodec;
  if (!is_struct(received.message.body)) {
    internal::make_bad_body(received, no_struct(Code::kBadMessage));
  }
  return received;
}

std::optional<PeekedHead> ThriftStructProtocol::peek_head(std::string_view input) const {
  return internal::peek_thrift_head(input);
}

FrameStart ThriftStructProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault == Fault::kNone) start.fault = internal::check_thrift_kind(head.kind);
  const Status error = head.kind == Kind::kReply ? parse_status_text(head.status) : Status();
  const bool without_body = !error.ok() && head.body_codec == kNoCodec;
  if (start.fault == Fault::kNone && head.body_codec != kThriftCodec && !without_body) {
    start.fault = Fault::kCodecNotCarried;
  }
  if (start.fault == Fault::kNone && !head.transforms.empty()) {
    start.fault = Fault::kTransformsNotCarried;
  }
  if (start.fault != Fault::kNone) return start;
  internal::write_thrift_frame(
      out, head,
      error.ok() ? internal::thrift_type_of(head.kind) : internal::ThriftType::kException,
      {{internal::kStatusKey, head.status.empty() ? internal::kStatusOk : head.status},
       {internal::kMetadataKey, head.metadata}});
  // An exception is the one struct of its frame: finish() refuses whatever else is put there.
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  if (!error.ok()) internal::append_thrift_exception(out, error);
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
