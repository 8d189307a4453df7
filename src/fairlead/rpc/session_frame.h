// What every frame that a session writes goes through. Private to the session's sources.
#pragma once

#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {

// Whether the body of this call or push may have to be sealed.
inline bool Session::may_seal(const CallHead& head) const {
  return head.secure != wire::SecureForm::kPlain ||
         (!head.metadata.empty() && peer_.options_.secure != nullptr);
}

[[gnu::always_inline]] inline Status Session::begin_frame(const wire::MessageHead& head) {
  FL_CHECK(!frame_open_);  // a handler must not send between begin_reply() and its end
  if (stream_->unsent_bytes() > peer_.options_.write_queue_bytes_max) [[unlikely]] {
    peer_.hit(observe::Bound::kWriteQueue, peer_.options_.write_queue_bytes_max);
    watch_output();
    return queue_full(peer_.options_.write_queue_bytes_max);
  }
  frame_ = begin_on_wire(head);
  frame_open_ = true;
  return {};
}

inline Status Session::send_frame(wire::FrameStart start, const Bytes& shared,
                                  const wire::TransformSet* transforms) {
  if (protocol_ != nullptr) [[unlikely]]
    return send_other_frame(start, transforms);
  Buffer& out = stream_->output();
  FL_TRY(wire::raw::finish(out, start, peer_.options_.limits, transforms, shared.size()));
  appended_bytes_ += out.size() - start.offset + shared.size();
  if (!shared.empty()) stream_->share(shared);
  stream_->wrote();
  return {};
}

// Ends a call of ours that is in the table no more.
[[gnu::always_inline]] inline void Session::end_with(PendingCall& call,
                                                     const wire::MessageView& reply,
                                                     const Bytes& input) {
  call.forget();
  call.session_ = nullptr;
  if (call.extras_ != nullptr) [[unlikely]]
    return receive_extended_reply(call, reply, input);
  Status status = wire::parse_status_text(reply.status);
  if (!status.ok()) [[unlikely]]
    status = judged(std::move(status), reply.metadata);
  call.on_done(std::move(status), reply, input);
}

}  // namespace fairlead::rpc
