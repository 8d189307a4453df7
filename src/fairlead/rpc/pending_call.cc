#include "fairlead/rpc/pending_call.h"

#include "fairlead/rpc/session.h"

namespace fairlead::rpc {

Status cut_message(std::string_view cause) {
  return Status(Code::kWriteFailed, "session.cut_message",
                "the connection was lost while the message was being sent")
      .with_outcome(Outcome::kUnknown)
      .with_cause(std::string(cause));
}

void PendingCall::give_up() {
  if (session_ == nullptr) return;
  session_->cancel_there(seq_);
  leave();
}

void PendingCall::leave() {
  if (session_ == nullptr) return;
  forget();
  session_->calls_.remove(*this);
  session_ = nullptr;
}

void PendingCall::fail(Status status) {
  leave();
  conclude(std::move(status));
}

void PendingCall::on_cancel() {
  give_up();
  conclude(Status(Code::kCancelled, "call.cancelled", "the caller cancelled the call"));
}

void RawCall::on_done(Status status, const wire::MessageView& reply, const Bytes& input) {
  status_ = std::move(status);
  reply_.metadata = reply.metadata;
  if (status_.ok()) {
    reply_.body_codec = reply.body_codec;
    reply_.body = Bytes(input.chunk(), reply.body);
    reply_.transforms = reply.transforms;
  }
  if (awaiting_) awaiting_.resume();
}

Result<Reply> RawCall::await_resume() {
  if (!status_.ok()) return std::move(status_);
  return std::move(reply_);
}

}  // namespace fairlead::rpc
