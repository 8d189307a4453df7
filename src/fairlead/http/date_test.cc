#include "fairlead/http/date.h"

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"

namespace fairlead::http {
namespace {

TEST(HttpDate, WritesTheExampleOfTheStandard) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(1709251199), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(DateCache, ChangesWithTheSecond) {
  io::Simulation simulation(1);
  io::Core& core = simulation.add_core("one");
  DateCache cache;
  const auto sleep_until_second = [](io::Core* on) -> Task<void> {
    const auto rest = std::chrono::milliseconds(1000 - on->wall_ms() % 1000);
    Sleep sleep(on->timers(), on->deadline_after(rest));
    Status slept = co_await sleep;
    EXPECT_TRUE(slept.ok());
  };
  for (int seconds = 0; seconds < 3; ++seconds) {
    const std::string_view told = cache.at(core);
    EXPECT_EQ(told, http_date(core.wall_ms() / 1000));
    EXPECT_EQ(cache.at(core).data(), told.data()) << "made once";
    core.run(sleep_until_second(&core));
  }
}

}  // namespace
}  // namespace fairlead::http
