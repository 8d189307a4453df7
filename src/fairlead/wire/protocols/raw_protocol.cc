#include "fairlead/wire/protocols/raw_protocol.h"

#include <utility>

#include "fairlead/base/result.h"
#include "fairlead/wire/protocols/raw.h"

namespace fairlead::wire {

Received RawProtocol::parse(std::string_view input, const Limits& limits,
                            const TransformSet* transforms) const {
  using FrameState = raw::FrameResult::State;
  Received received;
  const raw::FrameResult frame = raw::parse(input, limits, received.message);
  received.size = frame.size;
  if (frame.state == FrameState::kNeedMore) {
    if (!raw::needs_unknown_transform(input, transforms)) return received;
    received.status = Status(Code::kBadMessage, "frame.unknown_transform",
                             "the frame that begins uses a transform that is not known here");
  } else if (frame.state == FrameState::kError) {
    received.status = frame.status(limits);
  } else if (frame.state == FrameState::kPacked) {
    static const TransformSet kNone;
    Result<Bytes> owner =
        raw::unpack(transforms == nullptr ? kNone : *transforms, limits, received.message);
    if (owner.ok())
      received.owner = *std::move(owner);
    else
      received.status = owner.status();
  }
  received.state = received.status.ok() ? Received::State::kMessage : Received::State::kError;
  return received;
}

std::optional<PeekedHead> RawProtocol::peek_head(std::string_view input) const {
  MessageView message;
  if (!raw::peek_head(input, message)) return std::nullopt;
  return PeekedHead{message.seq, message.kind};
}

FrameStart RawProtocol::begin(Buffer& out, const MessageHead& head) const {
  return raw::begin(out, head);
}

Status RawProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                           const TransformSet* transforms) const {
  return raw::finish(out, start, limits, transforms);
}

}  // namespace fairlead::wire
