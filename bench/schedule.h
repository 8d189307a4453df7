// Schedule: when the calls of an open loop start. The gaps are exponential, as those of callers who
// know nothing of each other (a Poisson process); a seed gives the same moments every time.
//
//   while (schedule.due(now_ns())) { start a call that began at schedule.take(); }
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace fairlead::bench {

class Schedule {
 public:
  // `calls_per_s` > 0. The first call is due one gap after `start_ns`.
  Schedule(double calls_per_s, std::uint64_t seed, std::uint64_t start_ns)
      : gap_ns_(1e9 / calls_per_s), start_ns_(start_ns), random_(seed) {
    take();
  }

  bool due(std::uint64_t now) const { return next_ns() <= now; }

  // The moment at which the next call is to start; goes on to the one after it.
  std::uint64_t take() {
    const std::uint64_t at = next_ns();
    // 53 bits in (0, 1]; std::exponential_distribution differs between libraries.
    const double share = static_cast<double>((random_() >> 11) + 1) * 0x1p-53;
    after_start_ns_ -= gap_ns_ * std::log(share);
    return at;
  }

 private:
  std::uint64_t next_ns() const { return start_ns_ + static_cast<std::uint64_t>(after_start_ns_); }

  const double gap_ns_;
  const std::uint64_t start_ns_;
  std::mt19937_64 random_;
  double after_start_ns_ = 0;
};

}  // namespace fairlead::bench
