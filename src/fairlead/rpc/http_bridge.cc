#include "fairlead/rpc/http_bridge.h"

#include <utility>

#include "fairlead/rpc/session.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc::internal {
namespace {

// What stands for a message in the input. The message itself is in the HttpCall.
constexpr std::string_view kOneMessage = ".";
// A spare bridge keeps no more memory than this for replies.
constexpr std::size_t kKeptBytesMax = 64 * 1024;

}  // namespace

// ---- messages

wire::Received HttpBridge::Form::parse(std::string_view, const wire::Limits&,
                                       const wire::TransformSet*) const {
  const HttpCall& call = bridge_.call_;
  wire::Received received;
  received.state = wire::Received::State::kMessage;
  received.size = kOneMessage.size();
  if (bridge_.phase_ == Phase::kLogin) {
    received.message = {.kind = wire::Kind::kAuthCall,
                        .body_codec = wire::kPlainCodec,
                        .metadata = call.metadata,
                        .body = call.token};
    return received;
  }
  received.message = {.kind = call.kind,
                      .body_codec = call.body_codec,
                      .method = call.method,
                      .metadata = call.metadata,
                      .body = call.body.view()};
  received.owner = call.body;
  return received;
}

std::optional<wire::PeekedHead> HttpBridge::Form::peek_head(std::string_view) const {
  return wire::PeekedHead{.seq = 0, .kind = bridge_.call_.kind};
}

wire::FrameStart HttpBridge::Form::begin(Buffer& out, const wire::MessageHead& head) const {
  HttpCall& call = bridge_.call_;
  call.reply_codec = head.body_codec;
  call.reply_status.assign(head.status);
  call.reply_metadata.assign(head.metadata);
  wire::Fault fault = wire::check_head(head);
  if (!head.transforms.empty()) fault = wire::Fault::kTransformsNotCarried;
  return {.offset = out.size(), .fault = fault};
}

Status HttpBridge::Form::finish(Buffer& out, wire::FrameStart start, const wire::Limits& limits,
                                const wire::TransformSet*) const {
  const std::size_t size = out.size() - start.offset;
  if (start.fault == wire::Fault::kNone && size > limits.frame_bytes_max) {
    start.fault = wire::Fault::kTooBig;
  }
  if (start.fault != wire::Fault::kNone) {
    abandon(out, start);
    return wire::fault_status(start.fault, static_cast<std::uint32_t>(size), limits)
        .with_outcome(Outcome::kNotSent);
  }
  bridge_.replied_ = true;
  return {};
}

// ---- requests

io::Address HttpBridge::peer() const {
  return call_.request != nullptr ? call_.request->peer : io::Address();
}

void HttpBridge::start_call(bool login) {
  FL_CHECK(usable());
  phase_ = login ? Phase::kLogin : Phase::kCall;
  feed();
}

void HttpBridge::feed() {
  replied_ = false;
  output_.buffer().clear();
  // What is written meanwhile needs no flush at the turn's end: settle() looks at it.
  blocked_ = true;
  flush_scheduled_ = true;
  (void)handler_->on_read(Bytes::borrow(kOneMessage));
  flush_scheduled_ = false;
  settle();
}

void HttpBridge::settle() {
  if (phase_ == Phase::kLogin && replied_ && !ending_ &&
      wire::parse_status_text(call_.reply_status).ok()) {
    phase_ = Phase::kCall;
    return feed();
  }
  const bool pushed = phase_ == Phase::kCall && call_.kind == wire::Kind::kPush;
  if (phase_ != Phase::kSpare) {
    if (replied_ || ending_ || pushed) {
      answer();
    } else if (listen(call_.request->cancelled)) {
      return on_cancel();
    }
  }
  if (ending_) {
    ending_ = false;
    gone_ = true;
    owner_.on_gone(*this);
    return handler_->on_close(std::move(why_));
  }
  if (phase_ == Phase::kSpare && !last_ && !gone_) become_spare();
}

void HttpBridge::answer() {
  forget();
  Status status;
  if (lost_) {
    status = Status(Code{499}, "http.client_gone", "the client is gone");
  } else if (replied_) {
    status = wire::parse_status_text(call_.reply_status);
  } else if (phase_ == Phase::kLogin) {
    status = Status(Code::kUnauthenticated, "session.login_late", "the login took too long");
  } else if (ending_) {
    status = Status(Code::kOverloaded, "session.closed", "the session ended before its answer");
  }
  owner_.answer(*this, std::move(status));
  call_.request = nullptr;
  if (!lost_) output_.buffer().clear();  // delivered: the end of a spare session loses nothing
  phase_ = Phase::kSpare;
}

void HttpBridge::become_spare() {
  call_.body = Bytes();
  if (session_->handlers_running() > 0) {  // of a PUSH that waits: it ends in peace, then we do
    last_ = true;
    return handler_->on_end();
  }
  session_->begin_again();
  if (output_.buffer().capacity() > kKeptBytesMax) output_.buffer().release();
  owner_.on_spare(*this);
}

// ---- the end

void HttpBridge::on_cancel() {
  lost_ = true;
  end(Status(Code::kConnectionClosed, "http.client_gone", "the client is gone"));
}

void HttpBridge::end(Status why) {
  if (ending_ || gone_) return;
  ending_ = true;
  why_ = std::move(why);
  if (!flush_scheduled_) schedule_flush();
}

}  // namespace fairlead::rpc::internal
