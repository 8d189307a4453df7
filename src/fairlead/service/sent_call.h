// SentCall: one typed call on its way over a session: encoded there, its reply decoded here.
#pragma once

#include "fairlead/contract/service.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/session.h"
#include "fairlead/service/call_options.h"

namespace fairlead::service::internal {

// Thread: the session's core. Lifetime: destroying it before its end gives the call up.
class SentCall : private rpc::PendingCall {
 public:
  SentCall(const contract::MethodInfo& method, CallOptions options);

 protected:
  ~SentCall() = default;

  // Sends in this turn; ended() follows, perhaps before this returns. Again after an end only.
  void send(rpc::Session& session, Deadline deadline);
  CallOptions& options() { return options_; }

 private:
  virtual const void* argument() const = 0;  // of the method's type
  virtual void* reply() = 0;                 // where the reply goes
  // The end of one send(): OK with the reply decoded, the errors of Session::start_call(),
  // kEncodeFailed or kDecodeReplyFailed `codec.*`. May destroy this object.
  virtual void ended(Status status) = 0;

  void on_done(Status status, const wire::MessageView& reply, const Bytes& input) override;

  const contract::MethodInfo& method_;
  CallOptions options_;
  const codec::CodecId codec_;
};

}  // namespace fairlead::service::internal
