// SpinPolicy: whether a loop with nothing to do looks again for a moment before it sleeps.
//
// Waking a sleeping CPU is the dearest single thing on the way of a call between two CPUs, several
// microseconds; a loop that is about to get the next call anyway had better not sleep. It must not
// burn a CPU that has nothing to come, and never one that somebody else needs.
//
//   QUIET -- kShortSleepsMin sleeps in a row, each shorter than the limit --> SPINNING
//   SPINNING -- looked for the whole limit and nothing came --> QUIET
//   any -- the system took the CPU away while we looked --> RESTING for a while, then QUIET
#pragma once

#include <algorithm>

#include "fairlead/base/time.h"

namespace fairlead::io::internal {

// Pure policy: time comes in. Thread: one owner.
class SpinPolicy {
 public:
  static constexpr int kShortSleepsMin = 4;
  // A look that took longer than this was not ours alone: something else ran on this CPU.
  static constexpr Duration kLookMax = std::chrono::microseconds(15);
  static constexpr Duration kRestMin = std::chrono::milliseconds(50);
  static constexpr Duration kRestMax = std::chrono::seconds(10);

  // Looks for at most `limit` at a time; zero: never.
  explicit SpinPolicy(Duration limit) : limit_(limit) {}

  bool enabled() const { return limit_ > Duration::zero(); }
  Duration limit() const { return limit_; }
  // Whether to look before the next sleep.
  bool wanted(Time now) const { return short_sleeps_ >= kShortSleepsMin && now >= rests_until_; }

  // The loop slept so long until something came.
  void slept(Duration time) { short_sleeps_ = time < limit_ ? short_sleeps_ + 1 : 0; }
  // Something came while it looked. It was worth it: the rest after the next disturbance is short.
  void found() { rest_ = kRestMin; }
  // It looked for the whole limit and nothing came.
  void missed() { short_sleeps_ = 0; }
  // One look took so long, until `now`. True: somebody else needs the CPU; stop looking.
  bool disturbed(Duration look, Time now) {
    if (look <= kLookMax) return false;
    rests_until_ = now + rest_;
    rest_ = std::min(rest_ * 2, kRestMax);
    short_sleeps_ = 0;
    return true;
  }

 private:
  const Duration limit_;
  Duration rest_ = kRestMin;
  Time rests_until_{};
  int short_sleeps_ = 0;
};

}  // namespace fairlead::io::internal
