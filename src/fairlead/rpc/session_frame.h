// What every frame that a session writes goes through. Private to the session's sources.
#pragma once

#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {

// Whether the body of this call or push may have to be sealed.
inline bool Session::may_seal(const CallHead& head) const {
  return head.secure != wire::SecureForm::kPlain ||
         (!head.metadata.empty() && peer_.options_.secure != nullptr);
}

inline Status Session::send_frame(wire::FrameStart start, const Bytes& shared,
                                  const wire::TransformSet* transforms) {
  Buffer& out = stream_->output();
  const wire::Limits& limits = peer_.options_.limits;
  if (protocol_ == nullptr) {
    FL_TRY(wire::raw::finish(out, start, limits, transforms, shared.size()));
  } else {
    FL_TRY(protocol_->finish(out, start, limits, transforms));
  }
  appended_bytes_ += out.size() - start.offset + shared.size();
  if (!shared.empty()) stream_->share(shared);
  stream_->wrote();
  return {};
}

}  // namespace fairlead::rpc
