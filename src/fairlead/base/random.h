// Random: seeded pseudo-random numbers. Randomness is passed in, so a run can be replayed.
#pragma once

#include <array>
#include <cstdint>

namespace fairlead {

// xoshiro256** by Blackman and Vigna (2018), seeded through splitmix64. Not for secrets.
// Thread: one owner.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  // A generator seeded by the system.
  static Random from_system();

  std::uint64_t next();
  // Uniform in [0, bound); `bound` > 0. Lemire's multiplication method.
  std::uint64_t below(std::uint64_t bound);
  double unit();  // uniform in [0, 1)

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace fairlead
