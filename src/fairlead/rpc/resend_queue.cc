#include "fairlead/rpc/resend_queue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/result.h"
#include "fairlead/rpc/pending_call.h"

namespace fairlead::rpc {
namespace {

using State = ResendQueue::State;

Status not_sent(Code code, std::string_view reason, std::string_view message) {
  return Status(code, reason, message).with_outcome(Outcome::kNotSent);
}

Status full(std::string_view bound) {
  return not_sent(Code::kSendQueueFull, "resend.full",
                  std::string(bound) + " is reached: too much waits for this peer");
}

bool in_flight(State state) { return state == State::kWriting || state == State::kSent; }

// Whether a newer PUSH may take its place.
bool gives_way(const ResendQueue::Entry& entry) {
  return entry.message().push && entry.state() == State::kQueued && !entry.uncertain();
}

}  // namespace

bool ResendBudget::take(std::size_t bytes) {
  const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= bytes_max_.load(std::memory_order_relaxed)) return true;
  give_back(bytes);
  return false;
}

Status ResendOptions::validate() const {
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "resend.bad_option", what);
  };
  if (messages_max < 1 || messages_max > 65536) return bad("resend.messages_max: 1 to 65536");
  if (bytes_max < 1) return bad("resend.bytes_max must be greater than zero");
  if (ttl <= Duration::zero()) return bad("resend.ttl must be greater than zero");
  return {};
}

void ResendOptions::take(const ResendOptions& options) {
  ResendBudget* const mine = process;
  *this = options;
  process = mine;
}

ResendQueue::Entry::~Entry() {
  if (queue_ != nullptr) queue_->drop(*this);
}

ResendQueue::~ResendQueue() { FL_CHECK(first_ == nullptr); }

// ---- giving

Status ResendQueue::add(Entry& entry, const Message& message, Time now) {
  FL_CHECK(entry.queue_ == nullptr && entry.state_ != State::kQueued);
  if (message.deadline.passed(now)) {
    return not_sent(Code::kDeadlineExceeded, "call.deadline", "the deadline passed before sending");
  }
  FL_TRY(make_room(message));
  if (options_.process != nullptr && !options_.process->take(message.bytes)) {
    return full("resend.process_bytes_max");
  }
  entry.message_ = message;
  entry.queue_ = this;
  entry.id_ = entry.window_ = 0;
  entry.uncertain_ = false;
  entry.until_ = earlier(message.deadline, Deadline::after(now, options_.ttl)).at();
  entry.previous_ = last_;
  (last_ == nullptr ? first_ : last_->next_) = &entry;
  last_ = &entry;
  ++size_;
  bytes_ += message.bytes;
  set_state(entry, State::kQueued);
  return {};
}

std::string_view ResendQueue::bound_before(const Message& message, std::size_t messages_gone,
                                           std::size_t bytes_gone) const {
  if (size_ - messages_gone >= options_.messages_max) return "resend.messages_max";
  if (bytes_ - bytes_gone + message.bytes > options_.bytes_max) return "resend.bytes_max";
  const bool fits = options_.process == nullptr || message.bytes <= bytes_gone ||
                    options_.process->has_room(message.bytes - bytes_gone);
  return fits ? std::string_view() : "resend.process_bytes_max";
}

// First looks whether enough can go: else none does.
Status ResendQueue::make_room(const Message& message) {
  const std::string_view bound = bound_before(message, 0, 0);
  if (bound.empty()) return {};
  const bool drops = message.push && options_.overflow == ResendOverflow::kDropOldest;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::string_view before = bound;
  for (const Entry* entry = drops ? first_ : nullptr; entry != nullptr && !before.empty();
       entry = entry->next_) {
    if (!gives_way(*entry)) continue;
    bytes += entry->message_.bytes;
    before = bound_before(message, ++count, bytes);
  }
  if (!before.empty()) return full(before);
  for (; count > 0; --count) {
    Entry* const oldest = oldest_queued_push();
    if (oldest == nullptr) break;
    end(*oldest, State::kFailed, full(bound));
  }
  before = bound_before(message, 0, 0);  // who heard it may have given another one
  return before.empty() ? Status() : full(before);
}

ResendQueue::Entry* ResendQueue::oldest_queued_push() const {
  Entry* entry = first_;
  while (entry != nullptr && !gives_way(*entry)) entry = entry->next_;
  return entry;
}

// ---- sending

ResendQueue::Entry* ResendQueue::first_queued() const {
  Entry* entry = first_;
  while (entry != nullptr && entry->state_ != State::kQueued) entry = entry->next_;
  return entry;
}

void ResendQueue::begin_write(Entry& entry, const void* link, std::uint64_t window,
                              bool acknowledges) {
  FL_CHECK(entry.queue_ == this && entry.state_ == State::kQueued);
  if (entry.id_ == 0 && window != 0) entry.id_ = ++last_id_;
  entry.window_ = window;
  entry.acknowledged_ = entry.message_.mode == DeliveryMode::kAtLeastOnce && acknowledges;
  entry.link_ = link;
  entry.from_ = entry.to_ = ~std::uint64_t{0};  // no byte yet
  set_state(entry, State::kWriting);
}

void ResendQueue::wrote(Entry& entry, std::uint64_t from, std::uint64_t to) {
  FL_CHECK(in_flight(entry.state_));
  entry.from_ = from;
  entry.to_ = to;
}

void ResendQueue::requeue(Entry& entry) {
  entry.link_ = nullptr;
  set_state(entry, State::kQueued);
}

void ResendQueue::take_back(Entry& entry) {
  FL_CHECK(in_flight(entry.state_));
  requeue(entry);
}

void ResendQueue::send_again(Entry& entry) {
  FL_CHECK(in_flight(entry.state_));
  entry.uncertain_ = true;
  requeue(entry);
}

void ResendQueue::handed_over(const void* link, std::uint64_t bytes) {
  for (Entry* entry = first_; entry != nullptr;) {
    Entry& one = *entry;
    entry = entry->next_;
    if (one.state_ != State::kWriting || one.link_ != link || one.to_ > bytes) continue;
    set_state(one, State::kSent);
    if (!one.message_.push || one.acknowledged_) continue;
    end(one, State::kReplied, Status());
    entry = first_;  // any may be gone
  }
}

void ResendQueue::link_lost(const void* link, std::uint64_t handed_over, std::string_view cause) {
  this->handed_over(link, handed_over);
  for (Entry* entry = first_; entry != nullptr;) {
    Entry& one = *entry;
    entry = entry->next_;
    if (!in_flight(one.state_) || one.link_ != link) continue;
    const bool left = one.from_ < handed_over;
    const bool known = one.message_.mode == DeliveryMode::kAtLeastOnce && one.window_ != 0;
    if (!left || known) {
      one.uncertain_ = one.uncertain_ || left;
      requeue(one);
      continue;
    }
    end(one, State::kFailed,
        one.state_ == State::kWriting
            ? cut_message(cause)
            : Status(Code::kConnectionClosed, "session.closed", "the connection was lost")
                  .with_outcome(Outcome::kUnknown)
                  .with_cause(std::string(cause)));
    entry = first_;
  }
}

void ResendQueue::window_is(std::uint64_t window) {
  for (Entry* entry = first_; entry != nullptr;) {
    Entry& one = *entry;
    entry = entry->next_;
    if (one.state_ != State::kQueued) continue;
    if (one.uncertain_ && one.window_ != window) {
      end(one, State::kFailed,
          Status(Code::kConnectionClosed, "session.closed",
                 "the peer knows no more whether it served this message")
              .with_outcome(Outcome::kUnknown)
              .with_cause("resend.window_lost"));
      entry = first_;
    }
  }
}

// ---- ending

bool ResendQueue::take(Entry& entry) {
  if (entry.queue_ != this || entry.state_ != State::kQueued || entry.uncertain_) return false;
  set_state(entry, State::kMoved);
  unlink(entry);
  return true;
}

void ResendQueue::drop(Entry& entry) {
  set_state(entry, State::kFailed);
  unlink(entry);
}

void ResendQueue::end(Entry& entry, State how, Status status) {
  FL_CHECK(entry.queue_ == this && how > State::kSent);
  set_state(entry, how);
  unlink(entry);
  entry.on_end(std::move(status));
}

ResendQueue::Entry* ResendQueue::find(std::uint64_t id) const {
  Entry* entry = first_;
  while (entry != nullptr && entry->id_ != id) entry = entry->next_;
  return entry;
}

bool ResendQueue::in_doubt() const {
  for (const Entry* entry = first_; entry != nullptr; entry = entry->next_) {
    if (entry->state_ == State::kQueued && entry->uncertain_) return true;
  }
  return false;
}

bool ResendQueue::in_flight_on(const void* link) const {
  const Entry* entry = first_;
  while (entry != nullptr && entry->link_ != link) entry = entry->next_;
  return entry != nullptr;
}

// A CALL in flight is ended by its session.
bool ResendQueue::waits_for_time(const Entry& entry) {
  return entry.state_ == State::kQueued || entry.message_.push;
}

Status ResendQueue::expired(const Entry& entry, Time now) {
  const bool unknown = entry.uncertain_ || in_flight(entry.state_);
  const bool deadline = entry.message_.deadline.passed(now);
  return Status(Code::kDeadlineExceeded, deadline ? "call.deadline" : "resend.ttl",
                deadline ? "the deadline passed while the peer could not be reached"
                         : "the peer could not be reached for resend.ttl")
      .with_outcome(unknown ? Outcome::kUnknown : Outcome::kNotSent);
}

void ResendQueue::expire(Time now) {
  for (Entry* entry = first_; entry != nullptr;) {
    Entry& one = *entry;
    entry = entry->next_;
    if (!waits_for_time(one) || one.until_ > now) continue;
    end(one, State::kExpired, expired(one, now));
    entry = first_;
  }
}

Time ResendQueue::next_expiry() const {
  Time next = Time::max();
  for (const Entry* entry = first_; entry != nullptr; entry = entry->next_) {
    if (waits_for_time(*entry)) next = std::min(next, entry->until_);
  }
  return next;
}

void ResendQueue::close(const Status& unsent) {
  while (first_ != nullptr) end_closed(*first_, unsent);
}

void ResendQueue::close_queued(const Status& unsent) {
  while (Entry* entry = next_queued()) end_closed(*entry, unsent);
}

void ResendQueue::end_closed(Entry& entry, const Status& unsent) {
  const bool unknown = entry.uncertain_ || in_flight(entry.state_);
  end(entry, State::kFailed,
      unknown ? Status(Code::kConnectionClosed, "resend.closed", unsent.message())
                    .with_outcome(Outcome::kUnknown)
              : unsent);
}

// ---- the list

std::uint32_t& ResendQueue::count_of(State state) {
  if (state == State::kQueued) return counts_.queued;
  return state == State::kWriting ? counts_.writing : counts_.sent;
}

void ResendQueue::set_state(Entry& entry, State state) {
  const auto counted = [](State one) { return one == State::kQueued || in_flight(one); };
  if (counted(entry.state_)) --count_of(entry.state_);
  if (counted(state)) ++count_of(state);
  entry.state_ = state;
}

void ResendQueue::unlink(Entry& entry) {
  (entry.previous_ == nullptr ? first_ : entry.previous_->next_) = entry.next_;
  (entry.next_ == nullptr ? last_ : entry.next_->previous_) = entry.previous_;
  entry.previous_ = entry.next_ = nullptr;
  entry.queue_ = nullptr;
  entry.link_ = nullptr;
  --size_;
  bytes_ -= entry.message_.bytes;
  if (options_.process != nullptr) options_.process->give_back(entry.message_.bytes);
}

}  // namespace fairlead::rpc
