#include "fairlead/rpc/session.h"

#include <exception>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

// The one place where what a user's handler throws becomes a Status.
Status status_of_exception() {
  Status status(Code::kInternal, "handler.threw", "");
  try {
    throw;
  } catch (const std::exception& error) {
    return std::move(status).with_cause(error.what());
  } catch (...) {
    return std::move(status).with_cause("an exception that is no std::exception");
  }
}

Status session_closed() {
  return Status(Code::kConnectionClosed, "session.closed", "the session is closed")
      .with_outcome(Outcome::kNotSent);
}

// A method without its query.
std::string_view path_of(std::string_view method) { return method.substr(0, method.find('?')); }

Deadline deadline_of(const wire::MessageView& message, Time now) {
  if (message.metadata.empty()) return {};
  const std::optional<std::string> left =
      wire::find_in_encoded(message.metadata, wire::kTimeoutKey);
  if (!left.has_value()) return {};
  const std::optional<std::uint64_t> ms = parse_uint64(*left);
  constexpr std::uint64_t kDayMs = 24 * 3600 * 1000;
  if (!ms.has_value() || *ms > kDayMs) return {};
  return Deadline::after(now, std::chrono::milliseconds(*ms));
}

}  // namespace

Session::Session(Peer& peer, std::unique_ptr<io::Stream> stream)
    : peer_(peer), stream_(std::move(stream)), id_(++peer.last_session_id_) {
  stream_->start(*this);
}

Session::~Session() { FL_CHECK(calls_.size() == 0 && handlers_running_ == 0); }

io::Core& Session::core() const { return peer_.core(); }

const Metrics& Session::metrics() const { return peer_.metrics_; }

CancelToken Session::cancel_token() {
  if (!cancel_.has_value()) {
    cancel_.emplace();
    if (state_ == State::kClosed) cancel_->cancel();
  }
  return cancel_->token();
}

// ---- sending
// -------------------------------------------------------------------------------------

Status Session::begin_frame(const wire::MessageHead& head) {
  FL_CHECK(!frame_open_);  // a handler must not send between begin_reply() and its end
  if (stream_->unsent_bytes() > peer_.options_.write_queue_bytes_max) {
    return Status(Code::kSendQueueFull, "session.write_queue",
                  "the peer does not read: " + std::to_string(stream_->unsent_bytes()) +
                      " bytes wait, write_queue_bytes_max is " +
                      std::to_string(peer_.options_.write_queue_bytes_max));
  }
  frame_ = wire::raw::begin(stream_->output(), head);
  frame_open_ = true;
  return {};
}

Status Session::end_frame(Status body_written, const Bytes& shared) {
  frame_open_ = false;
  if (!body_written.ok()) {
    wire::raw::abandon(stream_->output(), frame_);
    return std::move(body_written).with_outcome(Outcome::kNotSent);
  }
  return send_frame(frame_, shared, peer_.options_.transforms);
}

Status Session::send_frame(wire::raw::FrameStart start, const Bytes& shared,
                           const wire::TransformSet* transforms) {
  Buffer& out = stream_->output();
  FL_TRY(wire::raw::finish(out, start, peer_.options_.limits, transforms, shared.size()));
  appended_bytes_ += out.size() - start.offset + shared.size();
  if (!shared.empty()) stream_->share(shared);
  stream_->wrote();
  return {};
}

Buffer* Session::begin_call(PendingCall& call, const CallHead& head, Deadline deadline,
                            const CancelToken& cancel) {
  FL_CHECK(!call.waiting());
  Status refused;
  const Time now = core().now();
  const Deadline until =
      deadline.is_set() ? deadline : Deadline::after(now, peer_.options_.call_timeout);
  if (state_ != State::kOpen) {
    refused = session_closed();
  } else if (calls_.size() >= peer_.options_.inflight_calls_max) {
    refused = Status(Code::kLocalLimit, "session.inflight",
                     "inflight_calls_max of " + std::to_string(calls_.size()) +
                         " calls wait on this session already");
  } else if (deadline.passed(now)) {
    refused = Status(Code::kDeadlineExceeded, "call.deadline", "the deadline passed before sending")
                  .with_outcome(Outcome::kNotSent);
  } else if (call.listen(cancel)) {
    refused = Status(Code::kCancelled, "call.cancelled", "cancelled before sending")
                  .with_outcome(Outcome::kNotSent);
  } else {
    call.session_ = this;
    call.sent_from_ = appended_bytes_;
    refused = begin_frame({.seq = calls_.add(call),
                           .kind = wire::Kind::kCall,
                           .body_codec = head.body_codec,
                           .method = head.method,
                           .metadata = head.metadata,
                           .transforms = head.transforms});
  }
  if (!refused.ok()) {
    call.fail(std::move(refused));
    return nullptr;
  }
  call.deadline_ = until.at();
  if (until.at() < expiry_) watch_deadline(until.at());
  return &stream_->output();
}

// One timer serves all calls of the session, at the earliest deadline that it has seen. A call that
// ends leaves it alone: most calls end long before, and the timer fires once for thousands of them.
void Session::watch_deadline(Time deadline) {
  expiry_ = deadline;
  core().timers().arm(*this, deadline);
}

void Session::on_timer() {
  const Time now = core().now();
  std::size_t place = 0;
  expiry_ = Time::max();
  while (PendingCall* call = calls_.take_expired(now, place)) {
    metrics().calls_timed_out.add();
    call->forget();
    call->session_ = nullptr;
    call->on_done(
        Status(Code::kDeadlineExceeded, "call.deadline", "no reply before the call's deadline"),
        wire::MessageView{}, Bytes());
  }
  const std::optional<Time> next = calls_.next_deadline();
  if (next.has_value() && *next < expiry_) watch_deadline(*next);
}

void Session::start_call(PendingCall& call, const CallHead& head, Deadline deadline,
                         const CancelToken& cancel, const Bytes& body) {
  Buffer* out = begin_call(call, head, deadline, cancel);
  if (out == nullptr) return;
  if (shares(body, head.transforms)) return end_call(call, Status(), body);
  out->append(body.view());
  end_call(call, Status());
}

void Session::end_call(PendingCall& call, Status body_written, const Bytes& shared) {
  Status sent = end_frame(std::move(body_written), shared);
  if (!sent.ok()) return call.fail(std::move(sent));
  metrics().calls_sent.add();
}

Status Session::begin_push(const CallHead& head) {
  if (state_ != State::kOpen) return session_closed();
  return begin_frame({.seq = calls_.next_seq(),
                      .kind = wire::Kind::kPush,
                      .body_codec = head.body_codec,
                      .method = head.method,
                      .metadata = head.metadata,
                      .transforms = head.transforms});
}

Status Session::push(const CallHead& head, const Bytes& body) {
  FL_TRY(begin_push(head));
  if (shares(body, head.transforms)) return end_push(Status(), body);
  stream_->output().append(body.view());
  return end_push(Status());
}

Status Session::end_push(Status body_written, const Bytes& shared) {
  FL_TRY(end_frame(std::move(body_written), shared));
  metrics().pushes_sent.add();
  return {};
}

Task<Result<Reply>> Session::call(std::string method, std::uint8_t codec, Bytes body,
                                  std::string metadata, Deadline deadline, CancelToken cancel) {
  RawCall call;
  const CallHead head{.method = method, .body_codec = codec, .metadata = metadata};
  start_call(call, head, deadline, cancel, body);
  Result<Reply> reply = co_await call;
  co_return reply;
}

// ---- receiving
// -----------------------------------------------------------------------------------

io::ReadResult Session::on_read(const Bytes& input) {
  const std::string_view all = input.view();
  std::size_t consumed = 0;
  while (consumed < all.size() && !cut_ && (state_ == State::kOpen || handlers_running_ > 0)) {
    const std::string_view rest = all.substr(consumed);
    wire::MessageView message;
    const wire::raw::FrameResult frame = wire::raw::parse(rest, peer_.options_.limits, message);
    using FrameState = wire::raw::FrameResult::State;
    if (frame.state == FrameState::kFrame) {
      receive(message, input);
    } else if (frame.state == FrameState::kNeedMore) {
      return {consumed, frame.size};
    } else if (frame.state == FrameState::kPacked && peer_.options_.transforms != nullptr) {
      Result<Bytes> unpacked =
          wire::raw::unpack(*peer_.options_.transforms, peer_.options_.limits, message);
      if (!unpacked.ok()) {
        protocol_error(unpacked.status(), rest);
        break;
      }
      receive(message, *unpacked);
    } else {
      protocol_error(frame.state == FrameState::kPacked
                         ? Status(Code::kBadMessage, "frame.unknown_transform",
                                  "the frame uses transforms and this peer knows none")
                         : frame.status(peer_.options_.limits),
                     rest);
      break;
    }
    consumed += frame.size;
  }
  return {all.size(), 0};  // all is taken; or closed, and what is left is nobody's
}

void Session::receive(const wire::MessageView& message, const Bytes& input) {
  switch (message.kind) {
    case wire::Kind::kReply:
      return receive_reply(message, input);
    case wire::Kind::kCall:
    case wire::Kind::kPush:
      return serve(message, input);
    case wire::Kind::kAuthCall:
      return refuse(message, Status(Code::kKindNotAllowed, "session.no_login",
                                    "this peer asks for no login"));
    case wire::Kind::kAuthReply:
      metrics().replies_late.add();
      return;
  }
}

void Session::receive_reply(const wire::MessageView& message, const Bytes& input) {
  PendingCall* call = calls_.take(message.seq);
  if (call == nullptr) {
    metrics().replies_late.add();
    return;
  }
  call->forget();
  call->session_ = nullptr;
  call->on_done(wire::parse_status_text(message.status), message, input);
}

void Session::serve(const wire::MessageView& message, const Bytes& input) {
  const bool is_call = message.kind == wire::Kind::kCall;
  (is_call ? metrics().calls_received : metrics().pushes_received).add();
  const Router::Route* route = peer_.router_.find(message.method);
  if (route == nullptr) route = peer_.router_.find(path_of(message.method));  // it has a query
  Handler* handler = route != nullptr ? route->handler.get() : peer_.router_.unknown(message.kind);
  if (handler == nullptr) {
    const std::string_view near = peer_.router_.nearest(path_of(message.method));
    return refuse(message,
                  Status(Code::kNotFound, "route.unknown",
                         "no handler for '" + escape_text(message.method) + "'" +
                             (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?")));
  }
  if (route != nullptr && route->kind != message.kind) {
    return refuse(message, Status(Code::kKindNotAllowed, "route.kind",
                                  "'" + route->method + "' takes a " +
                                      std::string(wire::kind_name(route->kind)) + ", not a " +
                                      std::string(wire::kind_name(message.kind))));
  }
  const Deadline deadline = deadline_of(message, core().now());
  if (deadline.passed(core().now())) {
    return refuse(message, Status(Code::kExpired, "call.expired",
                                  "the caller's deadline had passed when the call arrived"));
  }
  if (handler->waits()) {
    if (handlers_running_ >= peer_.options_.inflight_calls_max) {
      return refuse(message, Status(Code::kOverloaded, "session.inflight",
                                    "inflight_calls_max of " + std::to_string(handlers_running_) +
                                        " handlers are running for this session"));
    }
    core().set_method(route != nullptr ? &route->method : nullptr);
    peer_.scope_.spawn(serve_later(*handler, message, input, deadline));  // until its first wait
    core().set_method(nullptr);
    return;
  }
  Context context(*this, message, input, deadline);
  Status status;
  core().set_method(route != nullptr ? &route->method : nullptr);
  try {
    status = handler->handle(context);
  } catch (...) {
    status = status_of_exception();
  }
  core().set_method(nullptr);
  finish(context, std::move(status));
}

Task<void> Session::serve_later(Handler& handler, wire::MessageView message, Bytes input,
                                Deadline deadline) {
  ++handlers_running_;
  {
    Context context(*this, message, input, deadline);
    Status status;
    try {
      status = co_await handler.handle_later(context);
    } catch (...) {
      status = status_of_exception();
    }
    if (deadline.passed(core().now())) {
      if (context.reply_.has_value()) {
        wire::raw::abandon(stream_->output(), *std::exchange(context.reply_, std::nullopt));
        frame_open_ = false;
      }
      status = Status(Code::kHandlerTimeout, "handler.deadline",
                      "the handler ended after the caller's deadline");
    }
    finish(context, std::move(status));
  }
  --handlers_running_;
  end_if_idle();
}

void Session::finish(Context& context, Status status) {
  const bool began = context.reply_.has_value();
  if (began) frame_open_ = false;
  if (context.kind() == wire::Kind::kPush) {
    if (!status.ok()) metrics().pushes_failed.add();
    return;
  }
  if (state_ == State::kClosed || cut_) return;
  if (status.ok()) {
    if (!began) {
      context.begin_reply(wire::kNoCodec);
      frame_open_ = false;
    }
    status = send_frame(*context.reply_, context.shared_body_, peer_.options_.transforms);
    if (!status.ok()) status = Status(Code::kInternal, "reply.not_sent", status.message());
  } else if (began) {
    wire::raw::abandon(stream_->output(), *context.reply_);
  }
  if (!status.ok()) {
    metrics().calls_failed.add();
    return reply_error(context.message_, context.reply_metadata_, status);
  }
  bound_unsent();
}

// Replies are exempt from the limit at which calls are refused, so beyond it the session ends. The
// stream closes when the turn does; until then nothing more is served, or one read full of small
// calls could make any amount of replies.
void Session::bound_unsent() {
  if (stream_->unsent_bytes() <= peer_.options_.write_queue_bytes_max) return;
  cut_ = true;
  stream_->abort(Status(Code::kOverloaded, "session.slow_reader",
                        "the peer does not read its replies; write_queue_bytes_max is reached"));
}

void Session::reply_error(const wire::MessageView& message, std::string_view metadata,
                          const Status& status) {
  if (cut_) return;
  std::string text;
  wire::append_status_text(text, status);
  const wire::Kind kind =
      message.kind == wire::Kind::kAuthCall ? wire::Kind::kAuthReply : wire::Kind::kReply;
  Buffer& out = stream_->output();
  const wire::raw::FrameStart start = wire::raw::begin(
      out, {.seq = message.seq, .kind = kind, .status = text, .metadata = metadata});
  const Status sent = send_frame(start, Bytes(), nullptr);
  if (sent.ok()) return bound_unsent();
  // The text fits any frame. Metadata that the handler added may not: the error goes without it.
  if (!metadata.empty()) reply_error(message, {}, status);
}

void Session::refuse(const wire::MessageView& message, const Status& status) {
  if (message.kind == wire::Kind::kPush) {
    metrics().pushes_failed.add();
    return;
  }
  metrics().calls_refused.add();
  if (state_ != State::kClosed) reply_error(message, {}, status);
}

// There is no way to find the next frame: answers a call that is too big, then closes.
void Session::protocol_error(const Status& why, std::string_view input) {
  metrics().protocol_errors.add();
  wire::MessageView head;
  if (why.code() == Code::kTooLarge && wire::raw::peek_head(input, head) &&
      head.kind == wire::Kind::kCall) {
    reply_error(head, {}, why);
  }
  state_ = State::kClosing;
  fail_calls(why);
  stream_->close();
}

// ---- ending
// --------------------------------------------------------------------------------------

void Session::on_end() {
  if (state_ == State::kOpen) state_ = State::kClosing;
  fail_calls(Status(Code::kConnectionClosed, "session.closed", "the peer closed the connection"));
  if (handlers_running_ == 0) stream_->close();
}

void Session::on_close(Status why) {
  state_ = State::kClosed;
  Status reason(Code::kConnectionClosed, "session.closed",
                why.ok() ? std::string_view("the session was closed") : why.message());
  fail_calls(why.ok() ? reason : std::move(reason).with_cause(why.reason()));
  if (cancel_.has_value()) cancel_->cancel();
  if (gone_ != nullptr) gone_->set();
  if (closed_handler_) std::exchange(closed_handler_, nullptr)(*this, why);
  end_if_idle();
}

void Session::fail_calls(const Status& why) {
  const std::uint64_t handed_over = appended_bytes_ - stream_->unsent_bytes();
  while (PendingCall* call = calls_.take_any()) {
    const bool sent = call->sent_from_ < handed_over;
    call->forget();
    call->session_ = nullptr;
    call->on_done(Status(why).with_outcome(sent ? Outcome::kUnknown : Outcome::kNotSent),
                  wire::MessageView{}, Bytes());
  }
}

void Session::end_if_idle() {
  if (handlers_running_ > 0) return;
  if (idle_ != nullptr) idle_->set();
  if (state_ == State::kClosed) {
    peer_.remove(*this);
  } else if (state_ == State::kClosing) {
    stream_->close();
  }
}

Task<Status> Session::close(Deadline deadline) {
  TimerWheel& timers = core().timers();
  Status status;
  if (state_ == State::kOpen) state_ = State::kClosing;
  if (handlers_running_ > 0) {
    if (idle_ == nullptr) idle_ = std::make_unique<Event>();
    status = co_await idle_->wait(timers, deadline, cancel_token());
    if (status.code() == Code::kCancelled) status = Status();
  }
  if (state_ == State::kClosed) co_return status;
  if (gone_ == nullptr) gone_ = std::make_unique<Event>();
  if (status.ok()) {
    stream_->close();
    status = co_await gone_->wait(timers, deadline);
    if (status.ok()) co_return status;
  }
  stream_->abort(Status(Code::kConnectionClosed, "session.cut", "closed at its deadline"));
  Status cut = co_await gone_->wait(timers, Deadline());
  co_return status.ok() ? cut : status;
}

}  // namespace fairlead::rpc
