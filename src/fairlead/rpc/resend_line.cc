#include "fairlead/rpc/resend_line.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

using State = ResendQueue::State;

// When a session that took no more is tried again.
constexpr Duration kBlocked = std::chrono::milliseconds(10);
// What was written has been handed to the system by then, where that takes it.
constexpr Duration kTurn = std::chrono::milliseconds(1);

ResumeSecret draw_secret() {
  SecureRandom random;
  return ResumeSecret::draw(random);
}

bool in_flight(State state) { return state == State::kWriting || state == State::kSent; }

Status closed() {
  return Status(Code::kConnectionClosed, "resend.closed", "nobody dials this peer any more")
      .with_outcome(Outcome::kNotSent);
}

// How a message ended that was on its way.
State how_ended(const Status& status) {
  if (status.code() == Code::kDeadlineExceeded) return State::kExpired;
  return status.outcome() == Outcome::kProcessed ? State::kReplied : State::kFailed;
}

// Of an earlier attempt a refusal says nothing: it may have been served.
Status of_all_attempts(const ResendQueue::Entry& entry, Status status) {
  if (entry.uncertain() && !status.ok() && status.outcome() != Outcome::kProcessed) {
    status = std::move(status).with_outcome(Outcome::kUnknown);
  }
  return status;
}

const wire::MessageView kNoReply;
const Bytes kNoInput;

}  // namespace

// ---- a message

ResentMessage::~ResentMessage() {
  if (in_queue()) line_->dropped(*this);
}

void ResentMessage::on_done(Status status, const wire::MessageView& reply, const Bytes& input) {
  line_->attempt_ended(*this, std::move(status), reply, input);
}

void ResentMessage::on_end(Status status) {
  cancelled_.forget();
  const State how = state();
  line_->metrics_.resend_results[static_cast<std::size_t>(how)].add();
  const wire::MessageView* const reply = std::exchange(reply_, nullptr);
  on_result(std::move(status), reply != nullptr ? *reply : kNoReply,
            reply != nullptr ? *input_ : kNoInput);
}

void ResentMessage::Cancelled::on_cancel() { message.line_->cancelled(message); }

// ---- the line

ResendLine::ResendLine(io::Core& core, const ResendOptions& options, const Metrics& metrics,
                       Want want)
    : core_(core),
      metrics_(metrics),
      want_(std::move(want)),
      secret_(draw_secret()),
      queue_(options) {}

ResendLine::~ResendLine() {
  close();
  for (Session* session : sessions_) session->seldom().line = nullptr;
}

void ResendLine::start(ResentMessage& message, Deadline deadline, const CancelToken& cancel) {
  ResendQueue::Entry& entry = message;
  message.line_ = this;
  message.deadline_ = deadline;
  const Ambient here = ambient() != nullptr ? *ambient() : Ambient();
  message.inherited_ = here.deadline;
  message.cancel_ = cancel.can_be_cancelled() ? cancel : here.cancel;
  Status refused;
  if (phase_ == Phase::kClosed) {
    refused = closed();
  } else {
    const RawRequest& request = message.request_;
    const std::size_t bytes = sizeof(ResentMessage) + request.body.size() + request.method.size() +
                              request.metadata.size();
    refused = queue_.add(entry,
                         {.mode = request.delivery.value_or(DeliveryMode::kAtLeastOnce),
                          .push = message.is_push(),
                          .bytes = bytes,
                          .deadline = inherited_deadline(deadline, here)},
                         core_.now());
  }
  if (!refused.ok()) {
    metrics_.resend_refused.add();
    count();  // others may have made place for it
    return message.on_result(std::move(refused), kNoReply, kNoInput);
  }
  if (message.cancelled_.listen(message.cancel_)) return cancelled(message);
  fire_before(entry.until());
  if (session_ == nullptr && want_) want_();
  flush();
  count();
}

void ResendLine::cancelled(ResentMessage& message) {
  ResendQueue::Entry& entry = message;
  // Its call in flight hears the same token, and tells the peer. Where a link is being lost that
  // call has ended, and this is all there is.
  const bool has_call = message.waiting() || writing_ == &message;
  if (has_call && !message.is_push()) return;
  const bool unknown = entry.uncertain() || in_flight(entry.state());
  queue_.end(entry, State::kFailed,
             Status(Code::kCancelled, "call.cancelled", "the caller cancelled the call")
                 .with_outcome(unknown ? Outcome::kUnknown : Outcome::kNotSent));
  count();
}

// Nobody waits for it any more.
void ResendLine::dropped(ResentMessage& message) {
  if (writing_ == &message) writing_ = nullptr;
  queue_.drop(message);
  count();
}

void ResendLine::close() { close(closed()); }

void ResendLine::close(const Status& unsent) {
  phase_ = Phase::kClosed;
  session_ = nullptr;
  queue_.close(unsent);
  count();
}

void ResendLine::retire() {
  phase_ = Phase::kClosed;
  session_ = nullptr;
  queue_.close_queued(closed());
  count();
}

Task<Status> ResendLine::empty(CancelToken cancel) {
  if (queue_.size() == 0) co_return Status();
  if (!empty_.has_value()) empty_.emplace();
  Status heard = co_await empty_->wait(core_.timers(), Deadline(), std::move(cancel));
  co_return heard;
}

// ---- its sessions

void ResendLine::attach(Session& session) {
  FL_CHECK(session.dialled());
  // Of one that is not open nobody would tell when it dies.
  if (phase_ == Phase::kClosed || !session.open()) return;
  to_the_end_ = session.ending();
  if (session_ == &session) return;
  if (std::ranges::find(sessions_, &session) == sessions_.end()) sessions_.push_back(&session);
  session.seldom().line = this;
  session_ = &session;
  phase_ = Phase::kAsking;
  session.show_secret();
}

void ResendLine::answered(const Session& session, std::uint64_t window, bool known) {
  if (phase_ != Phase::kAsking || session_ != &session) return;
  if (losing_ == &session) return;  // that is no answer
  phase_ = Phase::kReady;
  window_ = window;
  acknowledges_ = window != 0 || !known;
  queue_.window_is(window);
  queue_.expire(core_.now());  // what is too old is not sent again
  flush();
  count();
}

void ResendLine::link_lost(Session& session, std::uint64_t handed_over, std::string_view cause) {
  losing_ = nullptr;
  std::erase(sessions_, &session);
  session.seldom().line = nullptr;
  if (session_ == &session) {
    session_ = nullptr;
    if (phase_ != Phase::kClosed) phase_ = Phase::kNoSession;
  }
  queue_.link_lost(&session, handed_over, cause);
  if (phase_ == Phase::kReady) queue_.window_is(window_);
  queue_.expire(core_.now());  // what is too old is not sent again
  move_elsewhere();
  if (phase_ == Phase::kClosed) queue_.close_queued(closed());
  if (queue_.counts().queued > 0) {
    fire_before(queue_.next_expiry());
    if (session_ == nullptr && want_) want_();
  }
  flush();
  count();
}

void ResendLine::move_elsewhere() {
  const auto moves = [](ResendQueue::Entry& entry) {
    return static_cast<ResentMessage&>(entry).moves_elsewhere();
  };
  while (ResendQueue::Entry* entry = queue_.find_unsent(moves)) {
    auto& message = static_cast<ResentMessage&>(*entry);
    if (!queue_.take(*entry)) break;
    message.on_end(Status(Code::kConnectionClosed, "session.closed", "the connection was lost")
                       .with_outcome(Outcome::kNotSent));
  }
}

// ---- sending

// In order; a message that cannot be written holds up those behind it.
void ResendLine::flush() {
  if (flushing_) return;
  flushing_ = true;
  blocked_ = false;
  while (ResendQueue::Entry* const entry = can_write() ? queue_.next_queued() : nullptr) {
    write(static_cast<ResentMessage&>(*entry));
  }
  flushing_ = false;
  if (blocked_) fire_before(core_.now() + kBlocked);
}

bool ResendLine::can_write() {
  if (phase_ != Phase::kReady || blocked_) return false;
  if (!session_->ending() || to_the_end_) return true;
  session_ = nullptr;  // what is in flight there ends there
  phase_ = Phase::kNoSession;
  if (queue_.counts().queued > 0 && want_) want_();
  return false;
}

void ResendLine::write(ResentMessage& message) {
  ResendQueue::Entry& entry = message;
  Session& session = *session_;
  const RawRequest& request = message.request_;
  queue_.begin_write(entry, &session, window_, acknowledges_);
  std::string metadata = request.metadata;
  if (window_ != 0) {
    wire::append_metadata_pair(metadata, wire::kMessageIdKey, std::to_string(entry.id()));
  }
  CallHead head = request.head();
  head.metadata = metadata;
  const std::uint64_t from = session.appended_bytes_;
  // It is sent under what its giver worked under, whoever is the cause that it is sent now.
  const Ambient its_own{.deadline = message.inherited_};
  const AmbientScope in(its_own.deadline.is_set() ? &its_own : nullptr);
  writing_ = &message;
  if (message.is_push()) {
    Status sent = session.push(head, request.body);
    if (!sent.ok()) attempt_ended(message, std::move(sent), kNoReply, kNoInput);
  } else {
    session.start_call(message, head, message.deadline_, message.cancel_, request.body);
  }
  // It may have ended, and be gone.
  if (std::exchange(writing_, nullptr) != nullptr) {
    if (++message.attempts_ > 1) metrics_.resend_again.add();
    queue_.wrote(entry, from, session.appended_bytes_);
    fire_before(core_.now() + (message.is_push() ? kTurn : kBlocked));
  }
}

// Refused by one that goes away, where this line is all that dials: nobody else would repeat it.
bool ResendLine::waits_for_the_next(const ResendQueue::Entry& entry, const Status& status) const {
  return !want_ && status.outcome() == Outcome::kNotProcessed &&
         status.code() == Code::kOverloaded && static_cast<const Session*>(entry.link())->ending();
}

// Nothing of it was sent, and it is the connection's fault, or another connection's turn.
bool ResendLine::put_back(ResentMessage& message, const Status& status) {
  ResendQueue::Entry& entry = message;
  const bool local = status.outcome() == Outcome::kNotSent &&
                     (status.code() == Code::kSendQueueFull || status.code() == Code::kLocalLimit ||
                      status.code() == Code::kConnectionClosed);
  if (local) {
    blocked_ = true;
    queue_.take_back(entry);
    return true;
  }
  if (waits_for_the_next(entry, status)) {
    if (entry.link() == session_) {
      session_ = nullptr;
      phase_ = Phase::kNoSession;
    }
    queue_.take_back(entry);
    fire_before(core_.now());
    return true;
  }
  if (status.reason() != "resend.superseded" || entry.link() == session_) return false;
  queue_.send_again(entry);
  fire_before(core_.now());
  return true;
}

void ResendLine::attempt_ended(ResentMessage& message, Status status,
                               const wire::MessageView& reply, const Bytes& input) {
  ResendQueue::Entry& entry = message;
  if (!in_flight(entry.state()) || entry.link() == losing_) return;  // link_lost() says what then
  if (writing_ == &message) writing_ = nullptr;
  if (put_back(message, status)) return;
  status = of_all_attempts(entry, std::move(status));
  message.reply_ = &reply;
  message.input_ = &input;
  const State how = how_ended(status);
  queue_.end(entry, how, std::move(status));
  if (!flushing_) count();
}

void ResendLine::acknowledged(std::uint64_t id, Status status) {
  ResendQueue::Entry* const entry = queue_.find(id);
  if (entry == nullptr || !entry->message().push) return;
  queue_.end(*entry, State::kReplied, of_all_attempts(*entry, std::move(status)));
  count();
}

// ---- time

void ResendLine::fire_before(Time when) {
  if (when >= fires_at_) return;
  fires_at_ = when;
  core_.timers().arm(*this, when);
}

void ResendLine::on_timer() {
  fires_at_ = Time::max();
  if (queue_.size() == 0) {
    // Here, where nothing else is under way: who waits may destroy the line.
    if (empty_.has_value()) empty_->set();
    return;
  }
  for (const Session* session : sessions_) {
    queue_.handed_over(session, session->appended_bytes_ - session->unsent_bytes());
  }
  queue_.expire(core_.now());
  if (phase_ == Phase::kClosed) queue_.close_queued(closed());
  flush();
  fire_before(queue_.next_expiry());
  if (queue_.counts().writing > 0) fire_before(core_.now() + kBlocked);
  count();
}

void ResendLine::count() {
  const ResendQueue::Counts& now = queue_.counts();
  const auto add = [](const observe::Gauge& gauge, std::uint32_t is, std::uint32_t& was) {
    if (is != was) gauge.add(static_cast<std::int64_t>(is) - static_cast<std::int64_t>(was));
    was = is;
  };
  add(metrics_.resend_queue[0], now.queued, counted_.queued);
  add(metrics_.resend_queue[1], now.writing, counted_.writing);
  add(metrics_.resend_queue[2], now.sent, counted_.sent);
  if (queue_.size() > 0) return;
  fires_at_ = Time::max();
  disarm();
  if (empty_.has_value()) fire_before(core_.now());
}

}  // namespace fairlead::rpc
