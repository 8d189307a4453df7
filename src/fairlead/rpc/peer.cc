#include "fairlead/rpc/peer.h"

#include <algorithm>
#include <utility>

#include "fairlead/io/tls_stream.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/rpc/session_control.h"

namespace fairlead::rpc {
namespace {

constexpr HookSet kServingHooks =
    hook_bit(Hook::kPreReadHeader) | hook_bit(Hook::kPostReadCallHeader) |
    hook_bit(Hook::kPostReadPushHeader) | hook_bit(Hook::kPreReadCallBody) |
    hook_bit(Hook::kPreReadPushBody) | hook_bit(Hook::kPostReadCallBody) |
    hook_bit(Hook::kPostReadPushBody) | hook_bit(Hook::kPreWriteReply) |
    hook_bit(Hook::kPostWriteReply) | hook_bit(Hook::kPostServe);
constexpr HookSet kCallingHooks =
    hook_bit(Hook::kPreWriteCall) | hook_bit(Hook::kPreWritePush) | hook_bit(Hook::kPostWriteCall) |
    hook_bit(Hook::kPostWritePush) | hook_bit(Hook::kPostReadReplyHeader) |
    hook_bit(Hook::kPreReadReplyBody) | hook_bit(Hook::kPostReadReplyBody) |
    hook_bit(Hook::kPostCall) | hook_bit(Hook::kPreReadHeader);
constexpr HookSet kSessionHooks = hook_bit(Hook::kPreDial) | hook_bit(Hook::kPostDial) |
                                  hook_bit(Hook::kPostAccept) | hook_bit(Hook::kPostDisconnect) |
                                  hook_bit(Hook::kPostIdle);

const PluginChain kNoPlugins;

const PluginChain* with_hooks(const PluginChain* plugins, HookSet hooks,
                              const PluginChain* otherwise) {
  if (plugins == nullptr || (plugins->hooks() & hooks) == 0) {
    return otherwise;
  }
  return plugins;
}

// Half of a session's queue, where less than that is not sent by the stream itself at once.
std::size_t hold_above(std::size_t queue) {
  return std::min(queue, std::max(queue / 2, io::Stream::kFlushSharedBytes));
}

// A dial that a plugin refused: nothing was sent, and what it threw is a dial that failed.
Status refused_dial(Status status) {
  if (status.reason() == "plugin.threw") {
    Status failed(Code::kDialFailed, status.reason(), status.message());
    if (status.cause() != nullptr) failed = std::move(failed).with_cause(*status.cause());
    status = std::move(failed);
  }
  return std::move(status).with_outcome(Outcome::kNotSent);
}

}  // namespace

Status PeerOptions::validate() const {
  FL_TRY(limits.validate());
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "peer.bad_option", what);
  };
  if (inflight_calls_max < 1 || inflight_calls_max > 65536) {
    return bad("inflight_calls_max must be from 1 to 65536");
  }
  if (write_queue_bytes_max < 64 * 1024) return bad("write_queue_bytes_max must be 64 KiB or more");
  if (call_timeout <= Duration::zero()) return bad("call_timeout must be greater than zero");
  if (login_timeout <= Duration::zero()) return bad("login_timeout must be greater than zero");
  if (request_time_max < Duration::zero()) return bad("request_time_max must not be negative");
  if (session_age < Duration::zero()) return bad("session_age must not be negative");
  if (deadline_floor < Duration::zero()) return bad("deadline_floor must not be negative");
  FL_TRY(heartbeat.validate());
  FL_TRY(guards.validate());
  return idle.validate();
}

Status Guards::validate() const {
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "peer.bad_option", what);
  };
  if (frame_time_max <= Duration::zero()) return bad("frame_time_max must be greater than zero");
  if (slow_reader_after <= Duration::zero()) return bad("slow_reader_after must be above zero");
  if (handlers_max < 1) return bad("handlers_max must be 1 or more");
  return {};
}

Peer::Peer(io::Core& core, const Router& router, PeerOptions options, const Metrics& metrics)
    : core_(core),
      router_(router),
      options_(options),
      told_timeout_(options.call_timeout),
      metrics_(metrics),
      serving_plugins_(
          with_hooks(options.plugins, kServingHooks, router.has_plugins() ? &kNoPlugins : nullptr)),
      calling_plugins_(with_hooks(options.plugins, kCallingHooks, nullptr)),
      session_plugins_(with_hooks(options.plugins, kSessionHooks, nullptr)),
      serves_extended_(options.secure != nullptr || serving_plugins_ != nullptr),
      hold_above_(hold_above(options.write_queue_bytes_max)),
      looks_at_messages_(serves_extended_),
      handlers_waiting_(options.handlers_with != nullptr ? options.handlers_with->handlers_waiting_
                                                         : own_handlers_waiting_),
      answers_heartbeats_(router.find(kHeartbeatMethod) == nullptr),
      spread_by_(static_cast<std::uint64_t>(core.wall_ms())) {
  FL_CHECK(options.handlers_with == nullptr || &options.handlers_with->core_ == &core);
}

Peer::~Peer() { FL_CHECK(first_ == nullptr); }

void Peer::update(const PeerOptions& options) {
  core_.assert_here();
  const bool slower = options.heartbeat.interval > options_.heartbeat.interval;
  const bool looks = options.heartbeat != options_.heartbeat || options.idle != options_.idle;
  PeerOptions next = options;
  next.hello = options_.hello;
  next.transforms = options_.transforms;
  next.secure = options_.secure;
  next.plugins = options_.plugins;
  next.watcher = options_.watcher;
  next.windows = options_.windows;
  next.handlers_with = options_.handlers_with;
  next.bounds = options_.bounds;
  next.transitions = options_.transitions;
  options_ = next;
  hold_above_ = hold_above(options_.write_queue_bytes_max);
  tells_timeouts_ = options_.call_timeout != told_timeout_;
  if (!looks) return;
  for_each_session([slower](Session& session) { session.follow_options(slower); });
}

void Peer::set_pressure(Pressure pressure, std::uint64_t memory_max) {
  core_.assert_here();
  pressure_ = pressure;
  memory_max_ = memory_max;
  looks_at_messages_ = serves_extended_ || pressure != Pressure::kNone;
}

Session& Peer::open(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol,
                    Session::Side side, bool login) {
  core_.assert_here();
  if (protocol == wire::protocols().front()) protocol = nullptr;  // raw has a way of its own
  // Owned by the list, ends in remove().
  auto* session = new Session(*this, std::move(stream), protocol, side, login);
  session->next_ = first_;
  if (first_ != nullptr) first_->previous_ = session;
  first_ = session;
  if (side != Session::Side::kServing) {
    ++session_count_;
    metrics_.sessions_opened.add();
  }
  if (closing_) scope_.spawn_detached(close_session(*session, Deadline(core_.now()), nullptr));
  return *session;
}

Session& Peer::accept(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol) {
  const bool login = router_.login() != nullptr;
  Session& session = open(std::move(stream), protocol, Session::Side::kAccepted, login);
  if (session_plugins_ != nullptr) {
    const Status welcome = session.welcome(false);
    if (!welcome.ok()) {
      session.end_connection(welcome);
      return session;  // nobody else gets to know it
    }
  }
  if (options_.watcher != nullptr && !login) options_.watcher->on_open(session);
  return session;
}

void Peer::turn_away(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol) {
  open(std::move(stream), protocol, Session::Side::kAccepted, false).turn_away();
}

Session& Peer::serve(std::unique_ptr<io::Stream> stream, const wire::Protocol& protocol) {
  FL_CHECK(!closing_);
  return open(std::move(stream), &protocol, Session::Side::kServing, router_.login() != nullptr);
}

Task<Result<Session*>> Peer::dial(io::Address address, Deadline deadline, CancelToken cancel,
                                  DialOptions options) {
  if (closing_) {
    co_return Status(Code::kInvalidOperation, "peer.closing", "this peer is being closed");
  }
  if (session_plugins_ != nullptr) {
    Dialling dialling{address, options};
    Status asked = session_plugins_->ask<&Plugin::pre_dial>(dialling);
    if (!asked.ok()) co_return refused_dial(std::move(asked));
  }
  const wire::Protocol* protocol = options.protocol;
  bool login = options.login.has_value();
  if (options.websocket.has_value()) {
    FL_CO_TRY_ASSIGN(const std::string name, sub_protocol_of(protocol));
    protocol = *protocol_of_websocket(name);
    if (login && is_bearer_token(*options.login)) login = false;  // the handshake carries it
  }
  FL_CO_TRY_ASSIGN(std::unique_ptr<io::Stream> stream,
                   co_await connect(std::move(address), options, deadline, cancel));
  Session& session = open(std::move(stream), protocol, Session::Side::kDialled, login);
  session.mark() = std::move(options.mark);
  session.values() = std::move(options.values);
  if (login) {
    RawCall call;
    session.start_login(call, *options.login, deadline, cancel);
    const Result<Reply> reply = co_await call;  // the session lives as long as this turn
    Status logged_in = reply.status();
    if (reply.ok()) logged_in = session.values().set(Session::kLoginReply, reply->body.view());
    session.end_login(logged_in);
    if (!logged_in.ok()) co_return logged_in;
  }
  if (session_plugins_ != nullptr) {
    Status welcome = session.welcome(options.again);
    if (!welcome.ok()) {
      session.end_connection(welcome);
      co_return refused_dial(std::move(welcome));
    }
  }
  if (options.resend != nullptr)
    options.resend->attach(session);
  else
    session.say_hello();
  co_return &session;
}

// The connection, with everything below the session's own messages.
Task<Result<std::unique_ptr<io::Stream>>> Peer::connect(io::Address address, DialOptions options,
                                                        Deadline deadline, CancelToken cancel) {
  FL_CO_TRY_ASSIGN(
      std::unique_ptr<io::Stream> stream,
      co_await core_.connect(std::move(address), earlier(deadline, options.connect_by), cancel));
  if (options.tls != nullptr) {
    FL_CO_TRY_ASSIGN(stream, co_await io::tls_connect(core_, std::move(stream), options.tls,
                                                      options.server_name, deadline, cancel));
  }
  if (!options.websocket.has_value()) co_return std::move(stream);
  co_return co_await ask_for_websocket(std::move(stream), std::move(options), deadline,
                                       std::move(cancel));
}

Task<Result<std::unique_ptr<io::Stream>>> Peer::ask_for_websocket(
    std::unique_ptr<io::Stream> stream, DialOptions options, Deadline deadline,
    CancelToken cancel) {
  WebSocketDial dial;
  dial.way = *std::move(options.websocket);
  FL_CO_TRY_ASSIGN(dial.sub_protocol, sub_protocol_of(options.protocol));
  if (options.login.has_value() && is_bearer_token(*options.login)) {
    dial.token = std::move(options.login->body);
  }
  dial.socket = std::make_shared<const http::WebSocketOptions>(websocket_options(options_.limits));
  co_return co_await dial_websocket(core_, std::move(stream), std::move(dial), deadline,
                                    std::move(cancel));
}

void Peer::remove(Session& session) {
  if (session.previous_ != nullptr)
    session.previous_->next_ = session.next_;
  else if (first_ == &session)
    first_ = session.next_;
  else
    return;  // removed already
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  session.previous_ = session.next_ = nullptr;
  if (session.side_ != Session::Side::kServing) {
    --session_count_;
    metrics_.sessions_closed.add();
  }
  core_.dispose(std::unique_ptr<Session>(&session));
  if (first_ == nullptr && closing_) empty_.set();
}

Task<void> Peer::close_session(Session& session, Deadline deadline, bool* cut) {
  Status closed = co_await session.close(deadline);
  if (!closed.ok() && cut != nullptr) *cut = true;
}

Task<Status> Peer::announce_going(std::string reason, Duration pace, Duration time_max) {
  constexpr Duration kTick = std::chrono::milliseconds(10);
  going_reason_ = reason;
  const std::size_t count = session_count();
  const Duration whole = std::min(pace * static_cast<std::int64_t>(count), time_max);
  const Time began = core_.now();
  std::size_t told = 0;
  while (true) {
    const Duration gone = core_.now() - began;
    const std::size_t due = gone + kTick >= whole ? count : count * (gone + kTick) / whole;
    for_each_session([&](Session& session) {
      if (told >= due || session.going_announced()) return;
      session.announce_going(reason);
      if (session.going_announced()) ++told;  // else nobody who could hear it
    });
    if (due == count) co_return Status();
    Status slept = co_await Sleep(core_.timers(), core_.deadline_after(kTick));
    if (!slept.ok()) co_return slept;
  }
}

void Peer::send_away(Session& session, std::string_view reason, Deadline deadline) {
  session.go_away(reason);
  scope_.spawn_detached(close_session(session, deadline, nullptr));
}

bool Peer::somebody_may_not_know_going() {
  bool found = false;
  for_each_session([&found](const Session& session) { found |= session.may_not_know_going(); });
  return found;
}

bool Peer::somebody_may_leave() {
  bool found = false;
  for_each_session([&found](const Session& session) {
    found |= session.going_announced() || session.may_say_hello();
  });
  return found;
}

Task<Status> Peer::close(Deadline deadline) {
  const bool had_sessions = first_ != nullptr;
  closing_ = true;
  closing_by_ = deadline;
  bool cut = false;
  for_each_session(
      [&](Session& session) { scope_.spawn_detached(close_session(session, deadline, &cut)); });
  if (first_ != nullptr) {
    Status emptied = co_await empty_.wait(core_.timers(), Deadline());
    FL_CHECK(emptied.ok());
  }
  Status ended = co_await scope_.close(core_.timers(), Deadline());
  if (had_sessions) {  // the last of them may be on the stack still, and needs this peer
    constexpr Duration kNextTurn = std::chrono::microseconds(1);
    Status turned = co_await Sleep(core_.timers(), core_.deadline_after(kNextTurn));
    FL_CHECK(turned.ok());
  }
  if (cut && ended.ok()) {
    ended = Status(Code::kDeadlineExceeded, "wait.deadline", "some sessions were cut off");
  }
  co_return ended;
}

}  // namespace fairlead::rpc
