#include "fairlead/runtime/memory_watch.h"

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;
using enum MemoryLevel;

// A process of 1,000 bytes, which are in use as the test says.
class MemoryWatchTest : public ::testing::Test {
 protected:
  MemoryLevel look(std::uint64_t bytes) {
    used = bytes;
    now += 250ms;
    watch->look(now);
    return watch->level();
  }

  observe::Registry registry;
  std::uint64_t used = 0;
  std::vector<MemoryLevel> told;
  int released = 0;
  Time now{1h};
  std::unique_ptr<MemoryWatch> watch =
      MemoryWatch::make(
          {.memory_max = 1000,
           .on_level = [this](MemoryLevel level, std::uint64_t) { told.push_back(level); },
           .release_idle = [this] { ++released; },
           .used = [this] { return used; }},
          registry)
          .value();
};

TEST_F(MemoryWatchTest, HasALevelFromEachShareOn) {
  EXPECT_EQ(look(799), kNormal);
  EXPECT_EQ(look(800), kTight);
  EXPECT_EQ(look(899), kTight);
  EXPECT_EQ(look(900), kShort);
  EXPECT_EQ(look(949), kShort);
  EXPECT_EQ(look(950), kCritical);
  EXPECT_EQ(told, (std::vector{kTight, kShort, kCritical})) << "each change once";
}

TEST_F(MemoryWatchTest, ALevelEndsFivePointsBelow) {
  look(1000);
  EXPECT_EQ(look(900), kCritical);
  EXPECT_EQ(look(899), kShort);
  EXPECT_EQ(look(850), kShort);
  EXPECT_EQ(look(849), kTight);
  EXPECT_EQ(look(750), kTight);
  EXPECT_EQ(look(749), kNormal);
}

TEST_F(MemoryWatchTest, JumpsOverLevels) {
  EXPECT_EQ(look(2000), kCritical);
  EXPECT_EQ(look(0), kNormal);
  EXPECT_EQ(told, (std::vector{kCritical, kNormal}));
}

TEST_F(MemoryWatchTest, GivesIdleMemoryBackOnceASecondWhileItIsTight) {
  look(500);
  EXPECT_EQ(released, 0);

  for (int i = 0; i < 9; ++i) look(820);
  EXPECT_EQ(released, 3);
}

TEST_F(MemoryWatchTest, AnotherLimitCountsFromTheNextLookOn) {
  EXPECT_EQ(look(900), kShort);
  watch->update(10'000);
  EXPECT_EQ(look(900), kNormal);
}

TEST_F(MemoryWatchTest, WithoutALimitItIsTheSystems) {
  watch->update(0);
  EXPECT_EQ(look(900), kNormal);
}

}  // namespace
}  // namespace fairlead::runtime
