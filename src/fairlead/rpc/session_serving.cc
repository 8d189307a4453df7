// What a session does with what comes in: frames to messages, messages to handlers and replies.
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/base/exception.h"
#include "fairlead/base/text.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_resume.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

// The one place where what a user's handler throws becomes a Status.
Status status_of_exception() {
  return with_exception_as_cause(Status(Code::kInternal, "handler.threw", ""));
}

// A method without its query.
std::string_view path_of(std::string_view method) { return method.substr(0, method.find('?')); }

// When the caller stops waiting; none where it did not say.
Deadline deadline_in(std::string_view metadata, Time now) {
  const std::optional<std::string> left = wire::find_in_encoded(metadata, wire::kTimeoutKey);
  if (!left.has_value()) return {};
  const std::optional<std::uint64_t> ms = parse_uint64(*left);
  constexpr std::uint64_t kDayMs = 24 * 3600 * 1000;
  if (!ms.has_value() || *ms > kDayMs) return {};
  return Deadline::after(now, std::chrono::milliseconds(*ms));
}

Status kind_not_allowed(const Router::Route& route, wire::Kind kind) {
  return Status(Code::kKindNotAllowed, "route.kind",
                "'" + route.method + "' takes a " + std::string(wire::kind_name(route.kind)) +
                    ", not a " + std::string(wire::kind_name(kind)));
}

}  // namespace

io::ReadResult Session::on_read(const Bytes& input) {
  read_at_ = peer_.core_.now();
  if (protocol_ != nullptr || state_ == State::kLogin) [[unlikely]]
    return read_any(input, 0);
  const std::string_view all = input.view();
  std::size_t consumed = 0;
  while (consumed < all.size() && stop_ == Stop::kNo && takes_messages()) {
    const std::string_view rest = all.substr(consumed);
    wire::MessageView message;
    const wire::raw::FrameResult frame = wire::raw::parse(rest, peer_.options_.limits, message);
    using FrameState = wire::raw::FrameResult::State;
    if (frame.state == FrameState::kFrame) {
      receive(message, input);
    } else if (frame.state == FrameState::kNeedMore &&
               !wire::raw::needs_unknown_transform(rest, peer_.options_.transforms)) {
      return wait_for_rest({consumed, frame.size}, rest.size());
    } else if (frame.state == FrameState::kPacked && peer_.options_.transforms != nullptr) {
      Result<Bytes> unpacked =
          wire::raw::unpack(*peer_.options_.transforms, peer_.options_.limits, message);
      if (!unpacked.ok()) {
        protocol_error(unpacked.status(), rest);
        break;
      }
      receive(message, *unpacked);
    } else {
      protocol_error(frame.state == FrameState::kError
                         ? frame.status(peer_.options_.limits)
                         : Status(Code::kBadMessage, "frame.unknown_transform",
                                  "the frame uses a transform that this peer does not know"),
                     rest);
      break;
    }
    consumed += frame.size;
  }
  if (stop_ == Stop::kHolds) [[unlikely]]
    return read_any(input, consumed);  // which must know whether a frame is cut
  half_read_ = false;
  return {all.size(), 0};  // all is taken; or closed, and what is left is nobody's
}

void Session::receive(const wire::MessageView& message, const Bytes& input) {
  switch (message.kind) {
    case wire::Kind::kReply:
      return receive_reply(message, input);
    case wire::Kind::kCall:
    case wire::Kind::kPush:
      if (going_away_ && refuse_while_going(message)) [[unlikely]]
        return;
      if (has_window_) [[unlikely]]
        return receive_numbered(message, input);
      return serve_any(message, input);
    case wire::Kind::kAuthCall:
      if (turned_away_) return refuse_turned_away(message);
      refuse(message, Status(Code::kKindNotAllowed, "session.no_login",
                             login_seen_ ? "the login is over" : "this peer asks for no login"));
      if (login_seen_) state_ = State::kClosing;
      return end_if_idle();
    case wire::Kind::kAuthReply:
      metrics().replies_late.add();
      return;
  }
}

// False: `message` is served all the same.
bool Session::refuse_while_going(const wire::MessageView& message) {
  if (turned_away_) {
    if (is_word_of_link(message)) return false;
    (message.kind == wire::Kind::kCall ? metrics().calls_received : metrics().pushes_received)
        .add();
    refuse_turned_away(message);
    return true;
  }
  if (message.kind != wire::Kind::kCall || message.method == kHeartbeatMethod) return false;
  metrics().calls_received.add();
  refuse(message, Status(Code::kOverloaded, "session.going_away",
                         "this peer is going away: call another one, or again"));
  return true;
}

[[gnu::always_inline]] inline void Session::serve_any(const wire::MessageView& message,
                                                      const Bytes& input) {
  if (peer_.looks_at_messages_) [[unlikely]]
    return serve_looked_at(message, input);
  serve(message, input);
}

// Of a session whose peer has shown a secret.
void Session::receive_numbered(const wire::MessageView& message, const Bytes& input) {
  if (peer_.pressure_ != Pressure::kNone && sheds(message)) return serve_looked_at(message, input);
  if (!admit(message)) return;
  serve_any(message, input);
  next_extras_.reset();  // no handler took it
}

// Under pressure, or where plugins and sealed bodies are.
void Session::serve_looked_at(const wire::MessageView& message, const Bytes& input) {
  if (peer_.pressure_ != Pressure::kNone && sheds(message)) {
    (message.kind == wire::Kind::kCall ? metrics().calls_received : metrics().pushes_received)
        .add();
    peer_.hit(observe::Bound::kMemory, peer_.memory_max_);
    return refuse(message, Status(Code::kOverloaded, "process.memory",
                                  "the process is short of memory, and this call may be shed"));
  }
  if (peer_.serves_extended_) return serve_extended(message, input);
  serve(message, input);
}

bool Session::sheds(const wire::MessageView& message) const {
  if (message.metadata.empty() || message.method.starts_with(kControlPrefix)) return false;
  const std::optional<std::string> said = wire::find_in_encoded(message.metadata, wire::kClassKey);
  return said == "sheddable" || (said == "sheddable_plus" && peer_.pressure_ == Pressure::kRefuse);
}

void Session::receive_reply(const wire::MessageView& message, const Bytes& input) {
  PendingCall* call = calls_.take(message.seq);
  if (call == nullptr) {
    metrics().replies_late.add();
    return;
  }
  end_with(*call, message, input);
}

[[gnu::always_inline]] inline void Session::run(Handler& handler, const Router::Route* route,
                                                const wire::MessageView& message,
                                                const Bytes& input, Deadline deadline) {
  if (handler.waits()) return run_waiting(handler, route, message, input, deadline);
  if (deadline.is_set()) [[unlikely]]
    return run_under_deadline(handler, route, message, input, deadline);
  run_plain(handler, route, message, input, deadline);
}

[[gnu::always_inline]] inline void Session::run_plain(Handler& handler, const Router::Route* route,
                                                      const wire::MessageView& message,
                                                      const Bytes& input, Deadline deadline) {
  io::Core& core = peer_.core_;
  Context context(*this, message, input, deadline);
  if (next_extras_ != nullptr) [[unlikely]] {
    if (!begin_extended(context, handler, route)) return;
  }
  Status status;
  core.set_method(route != nullptr ? &route->method : nullptr);
  try {
    status = handler.handle(context);
  } catch (...) {
    status = status_of_exception();
  }
  core.set_method(nullptr);
  finish(context, std::move(status));
}

// What the handler sends inherits the deadline. It cannot be cancelled, since it does not wait.
void Session::run_under_deadline(Handler& handler, const Router::Route* route,
                                 const wire::MessageView& message, const Bytes& input,
                                 Deadline deadline) {
  const Ambient here{.deadline = deadline};
  const AmbientScope in(&here);
  run_plain(handler, route, message, input, deadline);
}

void Session::run_waiting(Handler& handler, const Router::Route* route,
                          const wire::MessageView& message, const Bytes& input, Deadline deadline) {
  if (peer_.handlers_waiting_ >= peer_.guards().handlers_max) [[unlikely]] {
    peer_.hit(observe::Bound::kHandlers, peer_.guards().handlers_max);
    return refuse(message, Status(Code::kOverloaded, "peer.handlers",
                                  "handlers_max of " + std::to_string(peer_.handlers_waiting_) +
                                      " handlers wait on this core"));
  }
  if (handlers_running_ >= peer_.options_.inflight_calls_max) {
    peer_.hit(observe::Bound::kInflightCalls, peer_.options_.inflight_calls_max);
    return refuse(message, Status(Code::kOverloaded, "session.inflight",
                                  "inflight_calls_max of " + std::to_string(handlers_running_) +
                                      " handlers are running for this session"));
  }
  io::Core& core = peer_.core_;
  // A caller that names no time waits as long as its hello said.
  if (!deadline.is_set() && message.kind == wire::Kind::kCall) {
    const Duration told = std::chrono::milliseconds(peer_timeout_ms_);
    deadline = Deadline::after(core.now(), peer_timeout_ms_ == 0 ? Duration::max() : told);
  }
  const Duration at_most = peer_.options_.request_time_max;
  if (at_most > Duration::zero()) {
    deadline = earlier(deadline, Deadline::after(core.now(), at_most));
  }
  CancelSource source;
  const Ambient here{.deadline = deadline, .cancel = source.token()};
  const AmbientScope in(&here);
  core.set_method(route != nullptr ? &route->method : nullptr);
  peer_.scope_.spawn(serve_later(handler, route, message, input, deadline, std::move(source)));
  core.set_method(nullptr);  // it has ended or waits
}

void Session::serve(const wire::MessageView& message, const Bytes& input) {
  const bool is_call = message.kind == wire::Kind::kCall;
  const Router::Route* route = peer_.router_.find(message.method);
  if (route == nullptr) {
    if (serve_control(message)) return;
    route = peer_.router_.find(path_of(message.method));  // it has a query
  }
  const Metrics& counts = peer_.metrics_;
  (is_call ? counts.calls_received : counts.pushes_received).add();
  Handler* handler = route != nullptr ? route->handler.get() : peer_.router_.unknown(message.kind);
  if (handler == nullptr) return refuse(message, peer_.router_.not_found(message.method));
  if (route != nullptr && route->kind != message.kind) {
    if (route->other == nullptr) return refuse(message, kind_not_allowed(*route, message.kind));
    handler = (route = route->other)->handler.get();
  }
  Deadline deadline;
  if (!message.metadata.empty()) [[unlikely]] {
    const Time now = peer_.core_.now();
    deadline = deadline_in(message.metadata, backlog() != nullptr ? held_since() : now);
    if (deadline.passed(now)) {
      return refuse(message, Status(Code::kExpired, "call.expired",
                                    "the caller's deadline had passed when the call arrived"));
    }
  }
  run(*handler, route, message, input, deadline);
}

void Session::check_login(const wire::MessageView& message, const Bytes& input) {
  run(*peer_.router_.login(), nullptr, message, input, Deadline());
}

Task<void> Session::serve_later(Handler& handler, const Router::Route* route,
                                wire::MessageView message, Bytes input, Deadline deadline,
                                CancelSource source) {
  ++handlers_running_;
  ++peer_.handlers_waiting_;
  Context context(*this, message, input, deadline);
  const bool goes_on = next_extras_ == nullptr || begin_extended(context, handler, route);
  if (goes_on) {
    context.waiting_.emplace(std::move(source));
    add_waiting(context);
    Status status;
    try {
      status = co_await handler.handle_later(context);
    } catch (...) {
      status = status_of_exception();
    }
    remove_waiting(context);
    if (deadline.passed(core().now()) && !context.waiting_->ended) {
      if (context.reply_.has_value()) {
        wire::Protocol::abandon(stream_->output(), *std::exchange(context.reply_, std::nullopt));
        frame_open_ = false;
      }
      status = Status(Code::kHandlerTimeout, "handler.deadline",
                      "the handler ended after the caller's deadline");
    }
    if (!context.waiting_->ended)
      finish(context, std::move(status));
    else if (context.extras_ != nullptr)
      tell_ended_early(context);
  }
  --handlers_running_;
  --peer_.handlers_waiting_;
  end_if_idle();
}

// What the peer was told. Inline in finish(), where every call comes by.
[[gnu::always_inline]] inline Status Session::write_reply(Context& context, Status status) {
  const bool began = context.reply_.has_value();
  if (status.ok()) {
    if (!began) {
      context.begin_frame(wire::kNoCodec);
      frame_open_ = false;
    }
    status = send_frame(*context.reply_, context.shared_body_, peer_.options_.transforms);
    if (!status.ok()) status = Status(Code::kInternal, "reply.not_sent", status.message());
  } else if (began) {
    wire::Protocol::abandon(stream_->output(), *context.reply_);
  }
  if (!status.ok()) {
    metrics().calls_failed.add();
    reply_error(context.message_, context.reply_metadata_, status);
  } else {
    bound_unsent();
  }
  return status;
}

// The same for who is not in this file: a call of its own there, where plugins are, instead of the
// whole of it once more.
Status Session::send_reply(Context& context, Status status) {
  return write_reply(context, std::move(status));
}

void Session::finish(Context& context, Status status) {
  const bool began = context.reply_.has_value();
  if (began) frame_open_ = false;
  if (context.extras_ != nullptr) [[unlikely]]
    return finish_extended(context, std::move(status));
  if (context.kind() == wire::Kind::kPush) {
    if (!status.ok()) metrics().pushes_failed.add();
    return;
  }
  if (state_ == State::kClosed || cut()) return;
  status = write_reply(context, std::move(status));
  if (state_ == State::kLogin) [[unlikely]]
    end_login(status);
}

void Session::bound_unsent() {
  if (stream_->unsent_bytes() > peer_.hold_above_) [[unlikely]]
    bound_backlog();
}

void Session::reply_error(const wire::MessageView& message, std::string_view metadata,
                          const Status& status) {
  if (cut()) return;
  std::string text;
  wire::append_status_text(text, status);
  const wire::Kind kind =
      message.kind == wire::Kind::kAuthCall ? wire::Kind::kAuthReply : wire::Kind::kReply;
  const wire::FrameStart start = begin_on_wire({.seq = message.seq,
                                                .kind = kind,
                                                .status = text,
                                                .metadata = metadata,
                                                .transforms = message.transforms});
  const Status sent = send_frame(start, Bytes(), peer_.options_.transforms);
  if (sent.ok()) return bound_unsent();
  // The text fits any frame. Metadata that the handler added may not: the error goes without it.
  if (!metadata.empty()) reply_error(message, {}, status);
}

void Session::refuse(const wire::MessageView& message, const Status& status) {
  if (next_extras_ != nullptr) [[unlikely]] {
    const Bytes nothing;
    Context context(*this, message, nothing, Deadline());
    context.extras_ = std::move(next_extras_);
    return refuse_extended(context, status);
  }
  if (message.kind == wire::Kind::kPush) {
    metrics().pushes_failed.add();
    return;
  }
  metrics().calls_refused.add();
  if (state_ == State::kClosed) return;
  // Only a peer that said hello knows what it may make of the mark.
  const std::string_view mark = said_hello() ? kRefusedMark : std::string_view();
  reply_error(message, mark, status);
}

// There is no way to find the next frame: answers a call that is too big, then closes.
void Session::protocol_error(const Status& why, std::string_view input) {
  metrics().protocol_errors.add();
  note_end(LinkEnd::kProtocol);
  if (why.code() == Code::kTooLarge) {
    peer_.hit(observe::Bound::kFrameBytes, peer_.options_.limits.frame_bytes_max);
    const std::optional<wire::PeekedHead> head = on_wire().peek_head(input);
    if (head.has_value() && head->kind == wire::Kind::kCall) {
      reply_error({.seq = head->seq, .kind = head->kind}, {}, why);
    }
  }
  state_ = State::kClosing;
  fail_calls(why, Unsent::kLeaves);
  stream_->set_goodbye(why.code() == Code::kTooLarge ? io::Goodbye::kTooLarge
                                                     : io::Goodbye::kNotUnderstood);
  stream_->pause();                              // nothing behind it is read
  if (handlers_running_ == 0) stream_->close();  // else when the last one has answered
}

}  // namespace fairlead::rpc
