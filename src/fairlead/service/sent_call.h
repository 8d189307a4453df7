// SentCall: one typed call on its way over a session: encoded there, its reply decoded here.
#pragma once

#include <memory>
#include <optional>

#include "fairlead/contract/service.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/rpc/session.h"
#include "fairlead/service/call_options.h"

namespace fairlead::service::internal {

// Thread: the session's core. Lifetime: destroying it before its end gives the call up.
class SentCall : private rpc::PendingCall {
 public:
  SentCall(const contract::MethodInfo& method, CallOptions options);

 protected:
  ~SentCall();

  // Sends in this turn; ended() follows, perhaps before this returns. Again after an end only.
  void send(rpc::Session& session, Deadline deadline);
  // The same by a line, over as many sessions as it takes; a PUSH too, which has no reply.
  void send(rpc::ResendLine& line, Deadline deadline);
  CallOptions& options() { return options_; }

 private:
  virtual const void* argument() const = 0;  // of the method's type
  virtual void* reply() = 0;                 // where the reply goes
  // The end of one send(): OK with the reply decoded, the errors of Session::start_call(),
  // kEncodeFailed or kDecodeReplyFailed `codec.*`. May destroy this object.
  virtual void ended(Status status) = 0;
  // In a line: may it leave it, as not sent, when its session is lost and nothing of it was sent?
  virtual bool may_move() { return false; }

  void on_done(Status status, const wire::MessageView& reply, const Bytes& input) override;
  bool is_push() const { return method_.kind == contract::MethodKind::kPush; }
  class InLine;

  const contract::MethodInfo& method_;
  CallOptions options_;
  const codec::CodecId codec_;
  std::optional<Bytes> body_;        // encoded once, for a line
  std::unique_ptr<InLine> in_line_;  // null: never in a line
};

}  // namespace fairlead::service::internal
