#include "fairlead/upstream/redial.h"

#include <algorithm>
#include <array>

namespace fairlead::upstream {
namespace {

// What a first wait of nothing grows from.
constexpr Duration kGrowsFrom = std::chrono::milliseconds(1);

// From `from` up to, and without, `to`; `from` where they are equal.
Duration uniform(Duration from, Duration to, Random& random) {
  const auto width = static_cast<double>((to - from).count());
  return from + Duration(static_cast<Duration::rep>(width * random.unit()));
}

Duration times(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

Duration jittered(Duration duration, Random& random) {
  return times(duration, 0.8 + 0.4 * random.unit());
}

}  // namespace

Status RedialOptions::validate() const {
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "redial.bad_option", what);
  };
  if (first_wait_min < Duration::zero()) return bad("first_wait_min must not be negative");
  if (first_wait_max < first_wait_min) return bad("first_wait_max must be first_wait_min or more");
  if (!(multiplier >= 1.0 && multiplier <= 10.0)) return bad("multiplier must be from 1 to 10");
  if (backoff_max <= Duration::zero()) return bad("backoff_max must be greater than zero");
  if (stable < Duration::zero()) return bad("stable must not be negative");
  if (quarantine_after < 1) return bad("quarantine_after must be 1 or more");
  if (redial_times < -1) return bad("redial_times must be -1 or more");
  if (goaway_spread < Duration::zero()) return bad("goaway_spread must not be negative");
  if (unseen_wait_first <= Duration::zero() || unseen_wait_max <= Duration::zero()) {
    return bad("the waits of an unseen link must be greater than zero");
  }
  return {};
}

bool Redial::may_dial(Time now) const {
  switch (state_) {
    case State::kPreparing:
    case State::kPassiveClosing:
      return true;
    case State::kBackoff:
    case State::kQuarantined:
      return rests_until_ <= now;
    default:
      return false;
  }
}

bool Redial::dial(Time now) {
  if (!may_dial(now)) return false;
  state_ = State::kDialing;
  ++dials_;
  if (ever_ready_) ++redials_;
  return true;
}

bool Redial::ready(Time now) {
  if (state_ != State::kDialing) return false;
  state_ = State::kReady;
  ready_since_ = now;
  ever_ready_ = true;
  recovered_ = quarantined_;
  quarantined_ = false;
  failures_ = 0;
  redials_ = 0;
  return true;
}

bool Redial::used_up() const {
  return ever_ready_ && options_.redial_times >= 0 && redials_ >= options_.redial_times;
}

bool Redial::failed(Time now, Random& random) {
  if (state_ != State::kDialing) return false;
  ++failures_;
  if (used_up()) {
    state_ = State::kClosed;
    return true;
  }
  quarantined_ = quarantined_ || failures_ >= options_.quarantine_after;
  state_ = quarantined_ ? State::kQuarantined : State::kBackoff;
  rest(now, Duration::zero(), random);
  return true;
}

bool Redial::lost(Time now, Random& random) {
  if (state_ != State::kReady) return false;
  if (stable(now)) wait_ = Duration::zero();
  state_ = used_up() ? State::kClosed : State::kBackoff;
  if (state_ == State::kBackoff) rest(now, Duration::zero(), random);
  return true;
}

bool Redial::leaving(Time now, Duration retry_after, Random& random) {
  if (state_ != State::kReady) return false;
  if (stable(now)) wait_ = Duration::zero();
  if (retry_after <= Duration::zero()) {
    state_ = State::kPassiveClosing;
    return true;
  }
  state_ = State::kBackoff;
  rest(now, std::min(retry_after, kRetryAfterMax), random);
  return true;
}

bool Redial::left(Time now, Random& random) {
  if (state_ != State::kReady) return false;
  if (!stable(now)) return lost(now, random);
  wait_ = Duration::zero();
  state_ = State::kBackoff;
  rests_until_ = now + uniform(Duration::zero(), options_.goaway_spread, random);
  return true;
}

bool Redial::closing() {
  if (state_ != State::kReady) return false;
  state_ = State::kActiveClosing;
  return true;
}

bool Redial::closed() {
  if (state_ != State::kActiveClosing && state_ != State::kPassiveClosing) return false;
  state_ = State::kPreparing;
  return true;
}

bool Redial::remove() {
  if (state_ == State::kClosed) return false;
  state_ = State::kClosed;
  return true;
}

// `at_least`: what the peer asked for, which it gets with up to a fifth more, and from which later
// rests grow.
void Redial::rest(Time now, Duration at_least, Random& random) {
  const bool first = wait_ == Duration::zero();
  const Duration most = ever_ready_ ? options_.backoff_max : options_.unseen_wait_max;
  if (!first) {
    wait_ = std::min(times(wait_, options_.multiplier), most);
  } else if (ever_ready_) {
    wait_ = std::min(uniform(options_.first_wait_min, options_.first_wait_max, random), most);
  } else {
    wait_ = std::min(options_.unseen_wait_first, most);
  }
  Duration drawn = first && ever_ready_ ? wait_ : jittered(wait_, random);
  if (at_least > Duration::zero()) {
    drawn = std::max(drawn, times(at_least, 1.0 + 0.2 * random.unit()));
  }
  rests_until_ = now + drawn;
  wait_ = std::max({wait_, std::min(at_least, most), kGrowsFrom});
}

Time Redial::due(bool asked) const {
  const bool rests = state_ == State::kBackoff || state_ == State::kQuarantined;
  if (rests && (asked || ever_ready_ || quarantined_)) return rests_until_;
  if (asked && (state_ == State::kPreparing || state_ == State::kPassiveClosing))
    return Time::min();
  return Time::max();
}

Duration Redial::wait_left(Time now) const {
  const bool rests = state_ == State::kBackoff || state_ == State::kQuarantined;
  return rests && rests_until_ > now ? rests_until_ - now : Duration::zero();
}

std::string_view to_text(Redial::State state) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Redial::State::kCount)> kWords = {
      "preparing", "ready",   "active_closing", "passive_closing",
      "backoff",   "dialing", "quarantined",    "closed"};
  return kWords[static_cast<std::size_t>(state)];
}

}  // namespace fairlead::upstream
