#include "fairlead/upstream/dial_limits.h"

#include <algorithm>

#include "fairlead/base/check.h"

namespace fairlead::upstream {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

// Before every start of a process.
constexpr Time kLongAgo = Time::min();

}  // namespace

Status DialLimitOptions::validate() const {
  const auto good = [](std::uint32_t number) { return number >= 1 && number <= kDialsMax; };
  if (good(dials_max) && good(dials_per_second)) return {};
  return Status(Code::kInvalidOperation, "dial.bad_limit",
                "dials_max and dials_per_second go from 1 to " + std::to_string(kDialsMax));
}

// ---- limits

DialLimits::DialLimits(const DialLimitOptions& options)
    : options_(options), starts_(options.dials_per_second, kLongAgo) {}

void DialLimits::update(const DialLimitOptions& options) {
  std::vector<std::shared_ptr<Waiting>> told;
  {
    MutexLock lock(mutex_);
    options_ = options;
    std::ranges::rotate(starts_, starts_.begin() + static_cast<std::ptrdiff_t>(oldest_));
    const std::size_t count = options.dials_per_second;
    if (starts_.size() > count) {
      starts_.erase(starts_.begin(), starts_.end() - static_cast<std::ptrdiff_t>(count));
    } else {
      starts_.insert(starts_.begin(), count - starts_.size(), kLongAgo);
    }
    oldest_ = 0;
    while (!lines_.empty() && dialing_ < options_.dials_max) {
      ++dialing_;
      told.push_back(std::move(lines_.front()));
      lines_.pop_front();
    }
  }
  for (const auto& line : told) tell(line);
}

DialLimitOptions DialLimits::options() const {
  MutexLock lock(mutex_);
  return options_;
}

std::size_t DialLimits::dialing() const {
  MutexLock lock(mutex_);
  return dialing_;
}

bool DialLimits::take_place(const std::shared_ptr<Waiting>& line) {
  MutexLock lock(mutex_);
  if (dialing_ < options_.dials_max) {
    ++dialing_;
    return true;
  }
  lines_.push_back(line);
  return false;
}

// Never earlier than the one before, so that the oldest of the ring bounds every second exactly.
Time DialLimits::next_start(Time now) {
  MutexLock lock(mutex_);
  Time& oldest = starts_[oldest_];
  latest_ = std::max({now, latest_, oldest + kSecond});
  oldest = latest_;
  oldest_ = (oldest_ + 1) % starts_.size();
  return latest_;
}

void DialLimits::give_back() {
  std::shared_ptr<Waiting> next;
  {
    MutexLock lock(mutex_);
    if (lines_.empty() || dialing_ > options_.dials_max) {
      --dialing_;
      return;
    }
    next = std::move(lines_.front());
    lines_.pop_front();
  }
  tell(next);
}

void DialLimits::forget(const std::shared_ptr<Waiting>& line) {
  MutexLock lock(mutex_);
  std::erase(lines_, line);
}

// It has a place, which it gives back when it is gone.
void DialLimits::tell(const std::shared_ptr<Waiting>& line) {
  line->core.post([this, line] {
    if (line->line == nullptr) return give_back();
    line->line->on_place();
  });
}

// ---- line

DialLine::DialLine(io::Core& core, DialLimits& limits)
    : core_(core), limits_(limits), self_(std::make_shared<DialLimits::Waiting>(core)) {
  self_->line = this;
}

DialLine::~DialLine() {
  FL_CHECK(queue_.empty());
  self_->line = nullptr;
  if (turn_ == Turn::kAsked) limits_.forget(self_);
  if (turn_ == Turn::kComing) limits_.give_back();
}

DialLine::Wait DialLine::enter(CancelToken cancel) { return Wait(*this, std::move(cancel)); }

void DialLine::move_on() {
  while (!queue_.empty() && turn_ == Turn::kNone) {
    if (!limits_.take_place(self_)) {
      turn_ = Turn::kAsked;
      return;
    }
    if (!begin_at(limits_.next_start(core_.now()))) return;
  }
}

// The place is this line's. False: its time has not come yet.
bool DialLine::begin_at(Time start) {
  if (start <= core_.now()) {
    turn_ = Turn::kNone;
    let_first_go();
    return true;
  }
  turn_ = Turn::kComing;
  core_.timers().arm(*this, start);
  return false;
}

void DialLine::on_place() {
  if (queue_.empty()) {  // whoever wanted it has gone
    turn_ = Turn::kNone;
    return limits_.give_back();
  }
  if (begin_at(limits_.next_start(core_.now()))) move_on();
}

void DialLine::on_timer() {
  turn_ = Turn::kNone;
  if (queue_.empty()) return limits_.give_back();
  let_first_go();
  move_on();
}

void DialLine::let_first_go() {
  Wait* first = queue_.front();
  first->end(DialPass(limits_));
}

bool DialLine::Wait::await_suspend(std::coroutine_handle<> awaiting) {
  if (listen(cancel_)) {
    on_cancel();
    return false;
  }
  line_.queue_.push_back(this);
  line_.move_on();
  if (done_) return false;
  awaiting_.keep(awaiting);
  return true;
}

void DialLine::Wait::on_cancel() {
  end(Status(Code::kCancelled, "dial.cancelled", "cancelled before it was dialled")
          .with_outcome(Outcome::kNotSent));
}

void DialLine::Wait::leave() {
  forget();
  std::erase(line_.queue_, this);
}

void DialLine::Wait::end(Result<DialPass> result) {
  leave();
  result_ = std::move(result);
  done_ = true;
  if (awaiting_) awaiting_.resume();
}

}  // namespace fairlead::upstream
