// Frames as any protocol reads them: of those other than raw, of raw before the login's end, and of
// both while there is no room for replies.
#include <algorithm>

#include "fairlead/rpc/session_frame.h"

namespace fairlead::rpc {

io::ReadResult Session::read_any(const Bytes& input, std::size_t consumed) {
  const wire::Protocol& protocol = on_wire();
  const std::string_view all = input.view();
  while (consumed < all.size() && !cut() && takes_messages()) {
    const std::string_view rest = all.substr(consumed);
    wire::Limits limits = peer_.options_.limits;
    if (state_ == State::kLogin) {
      limits.frame_bytes_max = std::min<std::uint32_t>(limits.frame_bytes_max, kLoginBytesMax);
    }
    const wire::Received received = protocol.parse(rest, limits, peer_.options_.transforms);
    switch (received.state) {
      case wire::Received::State::kNeedMore:
        return wait_for_rest({consumed, received.size}, rest.size());
      case wire::Received::State::kError:
        protocol_error(received.status, rest);
        return {all.size(), 0};
      case wire::Received::State::kBadBody:
        receive_bad_body(received);
        break;
      case wire::Received::State::kMessage:
        if (stop_ == Stop::kHolds && is_held(received.message))
          hold(received.message, rest.substr(0, received.size));
        else if (state_ == State::kLogin)
          receive_login(received.message, received.memory(input));
        else
          receive(received.message, received.memory(input));
        break;
    }
    consumed += received.size;
  }
  half_read_ = false;
  return {all.size(), 0};  // all is taken; or closed, and what is left is nobody's
}

Status Session::send_other_frame(wire::FrameStart start, const wire::TransformSet* transforms) {
  Buffer& out = stream_->output();
  FL_TRY(protocol_->finish(out, start, peer_.options_.limits, transforms));
  appended_bytes_ += out.size() - start.offset;
  stream_->end_message();
  stream_->wrote();
  return {};
}

// The fault of one message: whoever waits for it hears of it, and the connection goes on.
void Session::receive_bad_body(const wire::Received& received) {
  const wire::MessageView& message = received.message;
  switch (message.kind) {
    case wire::Kind::kCall:
    case wire::Kind::kPush:
    case wire::Kind::kAuthCall:
      if (message.kind == wire::Kind::kCall) metrics().calls_received.add();
      if (message.kind == wire::Kind::kPush) metrics().pushes_received.add();
      refuse(message, received.status);
      break;
    case wire::Kind::kReply:
    case wire::Kind::kAuthReply:
      if (PendingCall* call = calls_.take(message.seq)) {
        call->forget();
        call->session_ = nullptr;
        call->conclude(
            Status(Code::kDecodeReplyFailed, received.status.reason(), received.status.message()));
      } else {
        metrics().replies_late.add();
      }
  }
  if (state_ == State::kLogin) refuse_login(received.status);
}

}  // namespace fairlead::rpc
