#include "fairlead/runtime/controlled_delay.h"

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

struct Look {
  Duration at;
  Duration waited;
  bool stands;
};

// Target 5 ms, interval 100 ms.
void expect(const std::vector<Look>& looks, ControlledDelay::Options options = {}) {
  ControlledDelay delay(options);
  for (const Look& look : looks) {
    EXPECT_EQ(delay.look(look.waited, Time() + look.at), look.stands) << to_text(look.at);
    EXPECT_EQ(delay.stands(), look.stands);
  }
}

TEST(ControlledDelay, AQueueStandsAfterAnIntervalAboveItsTarget) {
  expect({{0ms, 5ms, false},
          {50ms, 20ms, false},
          {99ms, 50ms, false},
          {100ms, 50ms, true},
          {500ms, 5ms, true}});
}

TEST(ControlledDelay, AWaitBelowTheTargetIsTheEndAtOnce) {
  expect({{0ms, 5ms, false}, {100ms, 5ms, true}, {101ms, 4999us, false}, {102ms, 9ms, false}});
}

TEST(ControlledDelay, ABurstThatIsOverWithinAnIntervalIsNone) {
  expect({{0ms, 90ms, false},
          {60ms, 150ms, false},
          {99ms, 0ms, false},
          {100ms, 90ms, false},
          {199ms, 90ms, false},
          {200ms, 90ms, true}});
}

TEST(ControlledDelay, TheIntervalBeginsAnewWithEachShortWait) {
  std::vector<Look> looks;
  for (Duration at = 0ms; at < 10s; at += 100ms) {
    looks.push_back({at, 1s, false});
    looks.push_back({at + 99ms, 1ms, false});
  }
  expect(looks);
}

TEST(ControlledDelay, HoldsToTheNumbersThatItIsGiven) {
  expect({{0ms, 999ms, false}, {1ms, 1s, false}, {2s, 1s, false}, {2001ms, 1s, true}},
         {.target = 1s, .interval = 2s});
}

TEST(ControlledDelay, WithoutATargetNoQueueStands) {
  expect({{0ms, 1h, false}, {1h, 1h, false}, {2h, 1h, false}}, {.target = 0ms});
}

}  // namespace
}  // namespace fairlead::runtime
