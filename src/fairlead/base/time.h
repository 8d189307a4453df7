// Time: one steady clock for everything that is measured or waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fairlead {

using Duration = std::chrono::nanoseconds;

// Steady time. Its epoch means nothing; under simulation it is virtual. Not tied to a system clock
// so that nobody can call `Time::clock::now()` by mistake: time comes from the Core.
struct SteadyClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyClock>;
  static constexpr bool is_steady = true;
};
using Time = SteadyClock::time_point;

// The system's steady clock; only loops, tools and tests read it.
Time steady_now();
// Milliseconds since 1970, for logs and leases shown to people.
std::int64_t wall_ms();
// "1.5s", "20ms", "150us": the shortest exact form down to nanoseconds.
std::string to_text(Duration duration);

}  // namespace fairlead
