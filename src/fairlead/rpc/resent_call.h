// A ResentMessage that a coroutine awaits; gives the raw reply, an empty one for a PUSH.
//
//   ResentCall call(std::move(request));
//   line.start(call, deadline, cancel);
//   Result<Reply> reply = co_await call;
//
// Errors: those of ResendLine::start().
#pragma once

#include <coroutine>
#include <string>
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/base/result.h"
#include "fairlead/rpc/resend_line.h"

namespace fairlead::rpc {

class ResentCall final : public ResentMessage {
 public:
  using ResentMessage::ResentMessage;

  bool await_ready() const noexcept { return done_; }
  void await_suspend(std::coroutine_handle<> awaiting) { awaiting_.keep(awaiting); }
  Result<Reply> await_resume() {
    if (!status_.ok()) return std::move(status_);
    return std::move(reply_);
  }
  // As RawCall::take_error_metadata().
  std::string take_error_metadata() { return std::move(reply_.metadata); }

 private:
  void on_result(Status status, const wire::MessageView& reply, const Bytes& input) override {
    status_ = std::move(status);
    reply_.metadata = reply.metadata;
    if (status_.ok()) {
      reply_.body_codec = reply.body_codec;
      reply_.body = Bytes(input.chunk(), reply.body);
      reply_.transforms = reply.transforms;
    }
    done_ = true;
    if (awaiting_) awaiting_.resume();
  }

  ResumePoint awaiting_;
  Status status_;
  Reply reply_;
  bool done_ = false;
};

}  // namespace fairlead::rpc
