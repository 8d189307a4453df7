// Deadline: the moment by which something must have ended.
#pragma once

#include <algorithm>

#include "fairlead/base/time.h"

namespace fairlead {

class Deadline {
 public:
  constexpr Deadline() = default;  // none: never passes
  constexpr explicit Deadline(Time at) : at_(at) {}
  // `duration` from `now`; a duration too long to add means none.
  static constexpr Deadline after(Time now, Duration duration) {
    return duration > Time::max() - now ? Deadline() : Deadline(now + duration);
  }

  constexpr bool is_set() const { return at_ != Time::max(); }
  constexpr Time at() const { return at_; }
  constexpr bool passed(Time now) const { return is_set() && at_ <= now; }
  // What is left; zero when passed, Duration::max() when there is none.
  constexpr Duration remaining(Time now) const {
    if (!is_set()) return Duration::max();
    return at_ <= now ? Duration::zero() : at_ - now;
  }
  friend constexpr Deadline earlier(Deadline a, Deadline b) {
    return Deadline(std::min(a.at_, b.at_));
  }
  friend constexpr bool operator==(Deadline, Deadline) = default;

 private:
  Time at_ = Time::max();
};

}  // namespace fairlead
