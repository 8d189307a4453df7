#include "fairlead/base/time.h"

namespace fairlead {

Time steady_now() {
  return Time(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string to_text(Duration duration) {
  std::int64_t count = duration.count();
  if (count == 0) return "0s";
  struct Unit {
    std::int64_t size;
    const char* name;
  };
  constexpr Unit kUnits[] = {{3'600'000'000'000, "h"}, {60'000'000'000, "m"}, {1'000'000'000, "s"},
                             {1'000'000, "ms"},        {1'000, "us"},         {1, "ns"}};
  for (const Unit& unit : kUnits) {
    if (count % unit.size == 0) return std::to_string(count / unit.size) + unit.name;
  }
  return std::to_string(count) + "ns";
}

}  // namespace fairlead
