// Backoff: how long to wait before the next try.
#pragma once

#include <algorithm>
#include <chrono>

#include <fairlead/base/random.h>
#include <fairlead/fairlead.h>

// Doubles from try to try. Half of each pause is drawn, so that the devices of a hub that has
// started again do not all come at once. Thread: one owner.
class Backoff {
 public:
  static constexpr fl::Duration kFirst = std::chrono::milliseconds(100);
  static constexpr fl::Duration kMost = std::chrono::seconds(10);

  explicit Backoff(fl::Random random) : random_(random) {}

  fl::Duration next() {
    const fl::Duration half = step_ / 2;
    step_ = std::min(step_ * 2, kMost);
    return half + fl::Duration(random_.below(static_cast<std::uint64_t>(half.count()) + 1));
  }
  void reset() { step_ = kFirst; }

 private:
  fl::Random random_;
  fl::Duration step_ = kFirst;
};
