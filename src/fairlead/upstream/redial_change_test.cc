#include "fairlead/upstream/redial_change.h"

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using State = Redial::State;

TEST(RedialChange, IsCountedAndTold) {
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  observe::Transitions transitions;
  Random random(1);
  const Time now(1min);
  Redial redial({.first_wait_min = 300ms, .first_wait_max = 300ms});
  ASSERT_TRUE(redial.dial(now) && redial.ready(now));
  metrics.count(State::kReady, 1);

  ASSERT_TRUE(redial.lost(now, random));
  tell_change(redial,
              {.event = "test.link", .name = "one", .before = State::kReady, .reason = "peer"}, now,
              metrics, &transitions);

  EXPECT_EQ(metrics.endpoints[static_cast<std::size_t>(State::kReady)].value(), 0);
  EXPECT_EQ(metrics.endpoints[static_cast<std::size_t>(State::kBackoff)].value(), 1);
  EXPECT_EQ(metrics.redial_backoff.snapshot().count, 1U);
  const std::vector<observe::Transitions::Kept> told = transitions.recent();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].component, "test");
  EXPECT_EQ(told[0].name, "one");
  EXPECT_EQ(told[0].from + " " + told[0].to + " " + told[0].reason, "ready backoff peer");
  EXPECT_EQ(told[0].evidence, "failures 0, wait 300ms");
}

}  // namespace
}  // namespace fairlead::upstream
