#include "fairlead/runtime/drain_state.h"

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

class DrainStateTest : public ::testing::Test {
 protected:
  DrainStateTest() {
    const Status made = state.make(
        {.event = "gateway.state", .name = "front", .transitions = &transitions}, metrics);
    EXPECT_TRUE(made.ok()) << made;
  }

  observe::Registry metrics;
  observe::Transitions transitions;
  DrainState state;
};

TEST_F(DrainStateTest, TellsEachPhaseOnce) {
  state.enter(DrainState::Phase::kServing, "ready");
  state.enter(DrainState::Phase::kServing, "ready");
  state.enter(DrainState::Phase::kNotice, "stop");

  EXPECT_EQ(state.phase(), DrainState::Phase::kNotice);
  EXPECT_EQ(state.phase_name(), "notice");
  EXPECT_EQ(metrics.gauge({"fairlead_gateway_drain_state", ""})->value(), 2);
  const auto told = transitions.recent();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].component, "gateway");
  EXPECT_EQ(told[0].name + ": " + told[0].from + " -> " + told[0].to + ", " + told[0].reason,
            "front: serving -> notice, stop");
}

TEST_F(DrainStateTest, CountsWhatWasCut) {
  state.count_cut(2);
  state.count_cut(1);

  EXPECT_EQ(state.calls_cut(), 3U);
  EXPECT_EQ(metrics.counter({"fairlead_gateway_drain_cut_total", ""})->value(), 3U);
}

}  // namespace
}  // namespace fairlead::runtime
