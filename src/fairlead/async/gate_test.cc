#include "fairlead/async/gate.h"

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

Task<void> close(Gate* gate, TimerWheel* timers, Deadline deadline, std::string* out) {
  Status closed = co_await gate->close(*timers, deadline);
  *out = closed.to_string();
}

TEST(Gate, ClosesWhenTheLastOneHasLeft) {
  TimerWheel timers(Time(0s));
  Gate gate;
  Scope scope;
  std::optional<Gate::Pass> pass = gate.enter();
  std::string closed;
  scope.spawn(close(&gate, &timers, Deadline(), &closed));

  EXPECT_EQ(closed, "");
  EXPECT_FALSE(gate.enter().has_value()) << "nobody enters a closing gate";
  pass.reset();

  EXPECT_EQ(closed, "ok");
}

TEST(Gate, GivesUpWaitingAtTheDeadline) {
  TimerWheel timers(Time(0s));
  Gate gate;
  Scope scope;
  std::optional<Gate::Pass> pass = gate.enter();
  std::string closed;
  scope.spawn(close(&gate, &timers, Deadline(Time(1s)), &closed));
  timers.advance(Time(1s));
  EXPECT_NE(closed.find("wait.deadline"), std::string::npos);
  EXPECT_EQ(gate.inside(), 1U);
}

TEST(GateDeathTest, EndsTheProcessWhenItDiesWithWorkInside) {
  EXPECT_DEATH(
      {
        auto gate = std::make_unique<Gate>();
        auto pass = gate->enter();
        gate.reset();
      },
      "inside_ == 0");
}

}  // namespace
}  // namespace fairlead
