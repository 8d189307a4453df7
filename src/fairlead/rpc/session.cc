#include "fairlead/rpc/session.h"

#include <string>
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/rpc/serial_handler.h"
#include "fairlead/rpc/session_backlog.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {

// With its stream, half a KiB for a connection that is idle. Where a member more would break it,
// Seldom is the place, or a reason to say so in docs/performance.md.
static_assert(sizeof(Session) <= 344);

Session::Session(Peer& peer, std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol,
                 Side side, bool login)
    : peer_(peer),
      stream_(std::move(stream)),
      protocol_(protocol),
      opened_at_(peer.core_.now()),
      id_(++peer.last_session_id_),
      side_(side),
      state_(login ? State::kLogin : open_state()) {
  stream_->start(*this);
  if (login && side == Side::kAccepted) expect_login();
  if (!login) {
    begin_age();
    begin_link();
  }
}

Session::~Session() { FL_CHECK(calls_.size() == 0 && handlers_running_ == 0); }

io::Core& Session::core() const { return peer_.core(); }

std::string_view Session::protocol_name() const {
  return protocol_ == nullptr ? wire::protocols().front()->name() : protocol_->name();
}

const Metrics& Session::metrics() const { return peer_.metrics_; }

CancelToken Session::cancel_token() {
  std::optional<CancelSource>& source = seldom().cancel;
  if (!source.has_value()) {
    source.emplace();
    if (state_ == State::kClosed) source->cancel();
  }
  return source->token();
}

// ---- sending

Status Session::session_closed() const {
  if (side_ == Side::kServing && state_ < State::kClosing) {
    return Status(Code::kInvalidOperation, "session.one_way",
                  "who asks over HTTP can be answered, not called")
        .with_outcome(Outcome::kNotSent);
  }
  if (state_ == State::kLogin) {
    return Status(Code::kConnectionClosed, "session.no_login", "the login has not ended yet")
        .with_outcome(Outcome::kNotSent);
  }
  return Status(Code::kConnectionClosed, "session.closed", "the session is closed")
      .with_outcome(Outcome::kNotSent);
}

Status Session::queue_full(std::size_t unsent_bytes_max) const {
  return Status(Code::kSendQueueFull, "session.write_queue",
                "the peer does not read: " + std::to_string(stream_->unsent_bytes()) +
                    " bytes wait, at most " + std::to_string(unsent_bytes_max) + " may")
      .with_outcome(Outcome::kNotSent);
}

Status Session::end_frame(Status body_written, const Bytes& shared) {
  frame_open_ = false;
  if (!body_written.ok()) {
    stop_sealing();
    wire::Protocol::abandon(stream_->output(), frame_);
    return std::move(body_written).with_outcome(Outcome::kNotSent);
  }
  return send_frame(frame_, shared, peer_.options_.transforms);
}

// `metadata` and what is left of a call's time, for the other side, which knows the default by the
// hello. Metadata that would be too long with it goes alone.
std::string_view Session::with_timeout(std::string_view metadata, Duration left) {
  constexpr std::size_t kPairBytesMax = 36;
  if (left == peer_.told_timeout_ || left == Duration::max() ||
      metadata.size() + kPairBytesMax > wire::kMetadataBytesMax ||
      wire::find_in_encoded(metadata, wire::kTimeoutKey)) {
    return metadata;
  }
  std::string& out = peer_.timed_metadata_;
  out.assign(metadata);
  // Upwards: the caller, who knows better, is the first to give up.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  wire::append_metadata_pair(out, wire::kTimeoutKey, std::to_string(ms));
  return out;
}

Status Session::cancelled_before() {
  return Status(Code::kCancelled, "call.cancelled", "cancelled before sending")
      .with_outcome(Outcome::kNotSent);
}

Buffer* Session::begin_call(PendingCall& call, const CallHead& head, Deadline deadline,
                            const CancelToken& cancel) {
  if (peer_.calling_plugins_ != nullptr && !call.is_hooked()) [[unlikely]]
    return begin_hooked_call(call, head, deadline, cancel);
  const Deadline until = deadline.is_set()
                             ? deadline
                             : Deadline::after(peer_.core_.now(), peer_.options_.call_timeout);
  if (ambient() != nullptr) [[unlikely]]
    return begin_inheriting(call, head, until, cancel);
  return begin_call_until(call, head, until, deadline.is_set() || peer_.tells_timeouts_, cancel);
}

// What a call inherits from the call that is being served: it must end a little before, and with
// it.
Buffer* Session::begin_inheriting(PendingCall& call, const CallHead& head, Deadline until,
                                  const CancelToken& cancel) {
  const Ambient here = *ambient();
  until = inherited_deadline(until, here);
  const Time now = peer_.core_.now();
  if (until.remaining(now) < peer_.options_.deadline_floor) until = Deadline(now);
  return begin_call_until(call, head, until, true,
                          cancel.can_be_cancelled() ? cancel : here.cancel);
}

[[gnu::always_inline]] inline Buffer* Session::begin_call_until(PendingCall& call,
                                                                const CallHead& head,
                                                                Deadline until, bool told,
                                                                const CancelToken& cancel) {
  FL_CHECK(!call.waiting());
  Status refused;
  std::string_view metadata = head.metadata;
  if (state_ != State::kOpen) {
    refused = session_closed();
  } else if (calls_.size() >= peer_.options_.inflight_calls_max) {
    refused = Status(Code::kLocalLimit, "session.inflight",
                     "inflight_calls_max of " + std::to_string(calls_.size()) +
                         " calls wait on this session already");
  } else if (told && until.passed(peer_.core_.now())) {
    refused = Status(Code::kDeadlineExceeded, "call.deadline", "the deadline passed before sending")
                  .with_outcome(Outcome::kNotSent);
  } else if (call.listen(cancel)) {
    refused = cancelled_before();
  } else if (!may_seal(head) || begin_sealing(&call, wire::Kind::kCall, head, metadata, refused)) {
    call.session_ = this;
    call.sent_from_ = appended_bytes_;
    if (told) [[unlikely]]
      metadata = with_timeout(metadata, until.remaining(peer_.core_.now()));
    refused = begin_frame({.seq = calls_.add(call),
                           .kind = wire::Kind::kCall,
                           .body_codec = head.body_codec,
                           .method = head.method,
                           .metadata = metadata,
                           .transforms = head.transforms});
  }
  if (!refused.ok()) {
    stop_sealing();
    call.fail(std::move(refused));
    return nullptr;
  }
  watch(call, until);
  return &body_buffer();
}

// One timer serves all calls of the session, at the earliest deadline that it has seen. A call that
// ends leaves it alone: most calls end long before, and the timer fires once for thousands of them.
void Session::watch_deadline(Time deadline) {
  if (expiry_ != armed_at_) {  // no call waited
    expiry_ = armed_at_;
    fire_before(liveness_.call_waits(liveness_rules(), core().now(), read_at_));
  }
  fire_before(deadline);
}

void Session::fire_before(Time when) {
  if (when >= armed_at_) return;
  if (expiry_ == armed_at_) expiry_ = when;
  armed_at_ = when;
  core().timers().arm(*this, when);
}

void Session::on_timer() {
  const Time now = core().now();
  std::size_t place = 0;
  expiry_ = armed_at_ = Time::max();
  if (state_ == State::kLogin && look_at_ <= now) {
    peer_.hit(observe::Bound::kLogin, static_cast<std::uint64_t>(peer_.options_.login_timeout /
                                                                 std::chrono::milliseconds(1)));
    return refuse_login(
        Status(Code::kUnauthenticated, "session.login_late", "no login came in time"));
  }
  if (turned_away_) return end_turned_away();
  while (PendingCall* call = calls_.take_expired(now, place)) {
    metrics().calls_timed_out.add();
    cancel_there(call->seq_);
    call->forget();
    call->session_ = nullptr;
    call->conclude(
        Status(Code::kDeadlineExceeded, "call.deadline", "no reply before the call's deadline"));
  }
  expire_waiting(now);
  if (look_at_ <= now) look_at_age(now);
  look_at_link(now);
  if (half_read_) look_at_cut_frame(now);
  if (backlog() != nullptr) look_at_backlog(now);
  fire_before(calls_.next_deadline().value_or(Time::max()));
  fire_before(look_at_);
  // The next call, whatever its deadline, shall say that it waits.
  if (!a_call_waits() && probes()) expiry_ = Time::max();
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
  if (call.extras_ != nullptr) [[unlikely]]
    return end_extended_call(call, std::move(body_written), shared);
  Status sent = end_frame(std::move(body_written), shared);
  if (!sent.ok()) return call.fail(std::move(sent));
  call.sent_bytes_ = static_cast<std::uint32_t>(appended_bytes_ - call.sent_from_);
  metrics().calls_sent.add();
}

Status Session::begin_push(const CallHead& head) {
  if (state_ != State::kOpen) return session_closed();
  if (peer_.calling_plugins_ != nullptr && !is_hooked_push()) [[unlikely]]
    return begin_hooked_push(head);
  std::string_view metadata = head.metadata;
  Status refused;
  if (may_seal(head) && !begin_sealing(nullptr, wire::Kind::kPush, head, metadata, refused)) {
    return refused;
  }
  Status begun = begin_frame({.seq = calls_.next_seq(),
                              .kind = wire::Kind::kPush,
                              .body_codec = head.body_codec,
                              .method = head.method,
                              .metadata = metadata,
                              .transforms = head.transforms});
  if (!begun.ok()) stop_sealing();
  return begun;
}

Status Session::push(const CallHead& head, const Bytes& body) {
  FL_TRY(begin_push(head));
  if (shares(body, head.transforms)) return end_push(Status(), body);
  body_buffer().append(body.view());
  return end_push(Status());
}

Status Session::end_push(Status body_written, const Bytes& shared) {
  if (is_hooked_push()) [[unlikely]]
    return end_hooked_push(std::move(body_written), shared);
  if (seals_ && body_written.ok()) [[unlikely]]
    body_written = seal_frame(nullptr);
  FL_TRY(end_frame(std::move(body_written), shared));
  metrics().pushes_sent.add();
  return {};
}

Status Session::push_frame(const Bytes& frame, std::size_t unsent_bytes_max) {
  FL_CHECK(!frame_open_);
  if (state_ != State::kOpen) return session_closed();
  if (stream_->unsent_bytes() > unsent_bytes_max) return queue_full(unsent_bytes_max);
  if (shares(frame, {}))
    stream_->share(frame);
  else
    stream_->output().append(frame.view());
  appended_bytes_ += frame.size();
  if (protocol_ != nullptr) stream_->end_message();
  stream_->wrote();
  metrics().pushes_sent.add();
  return {};
}

Task<Result<Reply>> Session::call(std::string method, std::uint8_t codec, Bytes body,
                                  std::string metadata, Deadline deadline, CancelToken cancel) {
  if (stream_->unsent_bytes() > peer_.options_.write_queue_bytes_max) {
    if (!deadline.is_set()) deadline = core().deadline_after(peer_.options_.call_timeout);
    FL_CO_TRY(co_await room(deadline, cancel));
  }
  RawCall call;
  const CallHead head{.method = method, .body_codec = codec, .metadata = metadata};
  start_call(call, head, deadline, cancel, body);
  Result<Reply> reply = co_await call;
  co_return reply;
}

// ---- ending

void Session::on_end() {
  if (stop_ == Stop::kHolds) release_held();
  // A peer that was told of our age closes first.
  const bool old = seldom_ != nullptr && seldom_->old_since != Time::max();
  note_end(old ? LinkEnd::kAge : LinkEnd::kPeer);
  if (state_ < State::kClosing) state_ = State::kClosing;
  // Replies leave; but who ends a connection serves nothing that comes on it later.
  fail_calls(Status(Code::kConnectionClosed, "session.closed", "the peer closed the connection"),
             Unsent::kLost);
  if (handlers_running_ == 0) stream_->close();
}

void Session::on_close(Status why) {
  state_ = State::kClosed;
  // Whoever does it: the connection may be somebody else's, who closes it in the same moment.
  if (peer_.closing_by_.passed(core().now())) peer_.calls_cut_ += handlers_running_;
  count_end(why);
  metrics().output_lost_bytes.add(stream_->unsent_bytes());
  Status reason(Code::kConnectionClosed, "session.closed",
                why.ok() ? std::string_view("the session was closed") : why.message());
  fail_calls(why.ok() ? reason : std::move(reason).with_cause(why.reason()), Unsent::kLost);
  if (seldom_ != nullptr && seldom_->cancel.has_value()) seldom_->cancel->cancel();
  has_window_ = false;
  if (seldom_ != nullptr) seldom_->lease.reset();
  if (seldom_ != nullptr && seldom_->self != nullptr) *seldom_->self = nullptr;
  cancel_waiting();
  end_backlog();
  tell_closed(why);
  if (plugins_reached_ != 0) see_off(why);
  take_mark_off(why);
  end_if_idle();
  if (seldom_ != nullptr && seldom_->gone != nullptr)
    seldom_->gone->set();  // the last thing: who waits may destroy the peer
}

Session::Seldom& Session::seldom() {
  if (seldom_ == nullptr) seldom_ = std::make_unique<Seldom>();
  return *seldom_;
}

void Session::on_closed(ClosedHandler handler) { seldom().closed_handler = std::move(handler); }

void Session::on_leaving(LeavingHandler handler) { seldom().leaving_handler = std::move(handler); }

// Moved out first: a handler may set another one, or end this session.
void Session::tell_closed(const Status& why) {
  if (seldom_ == nullptr || !seldom_->closed_handler) return;
  std::exchange(seldom_->closed_handler, nullptr)(*this, why);
}

void Session::tell_leaving() {
  if (seldom_ != nullptr && seldom_->leaving_handler) {
    std::exchange(seldom_->leaving_handler, nullptr)(*this);
  }
  if (mark_ != nullptr) peer_.options_.watcher->on_leaving(*this);
}

ResendLine* Session::line() const { return seldom_ == nullptr ? nullptr : seldom_->line; }

Duration Session::retry_after() const {
  return seldom_ == nullptr ? Duration::zero() : seldom_->retry_after;
}

bool Session::is_hooked_push() const {
  return seldom_ != nullptr && seldom_->hooked_push != nullptr;
}

void Session::take_mark_off(const Status& why) {
  if (mark_ == nullptr) return;
  peer_.options_.watcher->on_end(*this, why);
  mark_.reset();
}

internal::SerialLines& Session::serial_lines() {
  std::unique_ptr<internal::SerialLines>& lines = seldom().serial_lines;
  if (lines == nullptr) lines = std::make_unique<internal::SerialLines>();
  return *lines;
}

void Session::begin_again() {
  FL_CHECK(side_ == Side::kServing && state_ < State::kClosing && handlers_running_ == 0);
  if (seldom_ != nullptr && seldom_->cancel.has_value()) {
    seldom_->cancel->cancel();
    seldom_->cancel.reset();
  }
  tell_closed(Status());
  take_mark_off(Status());
  values_.clear();
  id_ = ++peer_.last_session_id_;
  login_seen_ = false;
  look_at_ = Time::max();
  state_ = peer_.router_.login() != nullptr ? State::kLogin : State::kOneWay;
}

void Session::fail_calls(const Status& why, Unsent unsent) {
  const std::uint64_t handed_over =
      appended_bytes_ - (unsent == Unsent::kLost ? stream_->unsent_bytes() : 0);
  const std::string cause(why.cause() != nullptr ? std::string_view(*why.cause()) : why.reason());
  if (line() != nullptr) line()->losing(*this);
  while (PendingCall* call = calls_.take_any()) {
    call->forget();
    call->session_ = nullptr;
    if (call->sent_from_ >= handed_over) {
      call->conclude(Status(why).with_outcome(Outcome::kNotSent));
    } else if (call->sent_from_ + call->sent_bytes_ > handed_over) {
      call->conclude(cut_message(cause));
    } else {
      call->conclude(Status(why).with_outcome(Outcome::kUnknown));
    }
  }
  if (line() != nullptr) line()->link_lost(*this, handed_over, cause);
}

void Session::end_if_idle() {
  if (handlers_running_ > 0) return;
  if (seldom_ != nullptr && seldom_->idle != nullptr) seldom_->idle->set();
  if (state_ == State::kClosed) {
    peer_.remove(*this);
  } else if (state_ == State::kClosing) {
    stream_->close();
  }
}

// A peer that cannot be told goes on calling and may always have a call under way: from half of the
// time on it is refused more, so that what is under way can end.
Deadline Session::plain_patience(Deadline deadline) const {
  constexpr Duration kPlainPatience = std::chrono::seconds(30);
  const Time now = core().now();
  return Deadline(now + std::min(kPlainPatience, deadline.remaining(now) / 2));
}

Task<Status> Session::close(Deadline deadline) {
  TimerWheel& timers = core().timers();
  Status status;
  go_away("closing");
  if (stop_ == Stop::kHolds) {  // they are refused: none has begun
    going_away_ = true;
    release_held();
  }
  if (state_ < State::kClosing) state_ = State::kClosing;
  if (handlers_running_ > 0) {
    std::unique_ptr<Event>& idle = seldom().idle;
    if (idle == nullptr) idle = std::make_unique<Event>();
    const Deadline patience = going_away_ ? deadline : plain_patience(deadline);
    status = co_await idle->wait(timers, patience, cancel_token());
    if (status.code() == Code::kDeadlineExceeded && !going_away_) {
      going_away_ = true;
      status = co_await idle->wait(timers, deadline, cancel_token());
    }
    if (status.code() == Code::kCancelled) status = Status();
  }
  if (state_ == State::kClosed) {
    cancel_waiting();  // of a closing peer; what is numbered too
    co_return status;
  }
  if (peer_.closing_) stream_->set_goodbye(io::Goodbye::kGoingAway);
  std::unique_ptr<Event>& gone = seldom().gone;
  if (gone == nullptr) gone = std::make_unique<Event>();
  if (status.ok()) {
    stream_->close();
    status = co_await gone->wait(timers, deadline);
    if (status.ok()) co_return status;
  }
  stream_->abort(Status(Code::kConnectionClosed, "session.cut", "closed at its deadline"));
  Status cut = co_await gone->wait(timers, Deadline());
  co_return status.ok() ? cut : status;
}

}  // namespace fairlead::rpc
