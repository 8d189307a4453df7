// ControlledDelay: tells a queue that stands from one that only takes up a burst.
//
//              waited < target                       waited >= target for a whole interval
//   SHORT ◄──────────────────────── LONG since t ──────────────────────────► STANDING
//     └──── waited >= target ──────────►┘    └──── waited < target: SHORT at once ────┘
//
// A burst makes a long queue too, but one that is short again within an interval. What stands costs
// everybody its length and serves nobody: more comes than is done.
//
// Source: K. Nichols and V. Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012, and
// RFC 8289, whose estimator this is (section 4.2), with its two constants. What to do about it is
// the user's; pools do as B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015, describes it for
// servers.
#pragma once

#include <chrono>
#include <cstdint>

#include "fairlead/base/time.h"

namespace fairlead::runtime {

// Pure. Thread: one owner, or under its lock. Cost: two comparisons a look.
class ControlledDelay {
 public:
  struct Options {
    Duration target = std::chrono::milliseconds(5);      // >= 0; zero: it never stands
    Duration interval = std::chrono::milliseconds(100);  // > 0
  };

  explicit ControlledDelay(Options options) : options_(options) {}

  // To be called whenever something comes or goes, before it does. `waited`: of the one that waits
  // longest; zero: nobody waits. Returns whether the queue stands.
  bool look(Duration waited, Time now);
  bool stands() const { return state_ == State::kStanding; }
  // From the next look on.
  void update(Options options) { options_ = options; }

 private:
  enum class State : std::uint8_t { kShort, kLong, kStanding };

  Options options_;
  State state_ = State::kShort;
  Time long_since_{};  // of kLong
};

}  // namespace fairlead::runtime
