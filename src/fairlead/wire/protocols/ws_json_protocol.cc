#include "fairlead/wire/protocols/ws_json_protocol.h"

#include <string>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/json_message.h"
#include "fairlead/wire/protocols/message_tail.h"

namespace fairlead::wire {
namespace {

using internal::Aside;
using internal::JsonForm;

// What stands behind the body: the ids, and the status of an error.
std::string tail_of(const MessageHead& head) {
  std::string tail = "\",\"xferPipe\":[";
  for (std::size_t i = 0; i < head.transforms.size(); ++i) {
    if (i > 0) tail += ',';
    tail += std::to_string(static_cast<unsigned char>(head.transforms[i]));
  }
  tail += ']';
  if (!head.status.empty() && head.status != internal::kStatusOk) {
    Buffer status;
    internal::append_json_quoted(status, head.status);
    tail.append(",\"status\":\"").append(status.view()).append("\"");
  }
  return tail + '}';
}

}  // namespace

Received WsJsonProtocol::parse(std::string_view input, const Limits& limits,
                               const TransformSet* transforms) const {
  const auto size = static_cast<std::uint32_t>(input.size());
  if (input.size() > limits.frame_bytes_max) {
    return internal::refused(Fault::kTooBig, size, limits);
  }
  Received received;
  received.state = Received::State::kMessage;
  received.size = size;
  internal::read_json_message(name(), input, JsonForm::kWebSocket, limits, received);
  if (received.state == Received::State::kMessage && !received.message.transforms.empty()) {
    Status restored = internal::restore_body(transforms, limits, received);
    if (!restored.ok()) internal::make_bad_body(received, std::move(restored));
  }
  return received;
}

std::optional<PeekedHead> WsJsonProtocol::peek_head(std::string_view input) const {
  return internal::peek_json_head(input, JsonForm::kWebSocket);
}

FrameStart WsJsonProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault != Fault::kNone) return start;
  internal::put_aside(out, start,
                      {.tail = tail_of(head), .transforms = std::string(head.transforms)});
  const std::size_t head_at = out.size();
  internal::append_json_head(out, head, JsonForm::kWebSocket);
  start.body_at = static_cast<std::uint32_t>(out.size() - head_at);
  return start;
}

Status WsJsonProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                              const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const Aside aside = internal::take_aside(out, start);
  const std::size_t body_at = start.offset + start.body_at;
  Status packed = internal::pack_body(out, body_at, aside.transforms, limits, transforms);
  if (!packed.ok()) return internal::take_back(out, start, std::move(packed));
  if (!internal::escape_json_body(out, body_at, limits.frame_bytes_max)) {
    return internal::take_back(
        out, start,
        fault_status(Fault::kTooBig, static_cast<std::uint32_t>(out.size() - start.offset),
                     limits));
  }
  out.append(aside.tail);
  return internal::seal_message(out, start, limits);
}

}  // namespace fairlead::wire
