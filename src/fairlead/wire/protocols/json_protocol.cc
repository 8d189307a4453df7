#include "fairlead/wire/protocols/json_protocol.h"

#include <string_view>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/json_message.h"

namespace fairlead::wire {

using internal::JsonForm;

Received JsonProtocol::parse(std::string_view input, const Limits& limits,
                             const TransformSet* transforms) const {
  Received received = internal::open_payload(input, limits, transforms);
  if (received.state != Received::State::kMessage) return received;
  internal::read_json_message("json", received.message.body, JsonForm::kNow, limits, received);
  return received;
}

std::optional<PeekedHead> JsonProtocol::peek_head(std::string_view input) const {
  constexpr std::size_t kTextAt = internal::kLengthBytes + 1;
  if (input.size() <= kTextAt || input[internal::kLengthBytes] != 0) return std::nullopt;
  return internal::peek_json_head(input.substr(kTextAt), JsonForm::kNow);
}

FrameStart JsonProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start = internal::begin_envelope(out, head);
  if (start.fault != Fault::kNone) return start;
  internal::append_json_head(out, head, JsonForm::kNow);
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

Status JsonProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                            const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const std::size_t body_at = start.offset + start.body_at;
  // A body that is too big once it is escaped is refused before it grows, behind transforms too:
  // a peer with our limit would not restore it.
  if (!internal::escape_json_body(out, body_at, limits.frame_bytes_max)) {
    return internal::take_back(
        out, start,
        fault_status(Fault::kTooBig, static_cast<std::uint32_t>(out.size() - start.offset),
                     limits));
  }
  out.append("\"}");
  return internal::seal_envelope(out, start, limits, transforms);
}

}  // namespace fairlead::wire
