#include "fairlead/async/event.h"

#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

Task<void> wait_for(Event* event, TimerWheel* timers, Deadline deadline, CancelToken cancel,
                    std::vector<std::string>* log) {
  Status woken = co_await event->wait(*timers, deadline, std::move(cancel));
  log->emplace_back(woken.ok() ? "set" : woken.reason());
}

Task<void> sleep(TimerWheel* timers, Deadline until, CancelToken cancel,
                 std::vector<std::string>* log) {
  Status woken = co_await Sleep(*timers, until, std::move(cancel));
  log->emplace_back(woken.ok() ? "slept" : woken.reason());
}

struct EventTest : ::testing::Test {
  TimerWheel timers{Time(0s)};
  Event event;
  Scope scope;
  CancelSource cancel;
  std::vector<std::string> log;
};

TEST_F(EventTest, WakesWaitersInTheirOrder) {
  scope.spawn(wait_for(&event, &timers, Deadline(), {}, &log));
  scope.spawn(wait_for(&event, &timers, Deadline(Time(1s)), cancel.token(), &log));
  EXPECT_TRUE(log.empty());

  event.set();
  scope.spawn(wait_for(&event, &timers, Deadline(), {}, &log));

  EXPECT_EQ(log, (std::vector<std::string>{"set", "set", "set"}));
  EXPECT_EQ(timers.size(), 0U) << "no timer stays behind";
}

TEST_F(EventTest, EndsAWaitAtItsDeadline) {
  scope.spawn(wait_for(&event, &timers, Deadline(Time(10ms)), {}, &log));
  timers.advance(Time(10ms));
  EXPECT_EQ(log, std::vector<std::string>{"wait.deadline"});
}

TEST_F(EventTest, EndsAWaitThatIsCancelled) {
  scope.spawn(wait_for(&event, &timers, Deadline(Time(10ms)), cancel.token(), &log));
  cancel.cancel();
  scope.spawn(wait_for(&event, &timers, Deadline(), cancel.token(), &log));
  EXPECT_EQ(log, (std::vector<std::string>{"wait.cancelled", "wait.cancelled"}));
  EXPECT_EQ(timers.size(), 0U);
}

TEST_F(EventTest, SleepsUntilItsTimeOrItsCancellation) {
  scope.spawn(sleep(&timers, Deadline(Time(5ms)), cancel.token(), &log));
  scope.spawn(sleep(&timers, Deadline(Time(50ms)), cancel.token(), &log));
  timers.advance(Time(5ms));
  cancel.cancel();
  EXPECT_EQ(log, (std::vector<std::string>{"slept", "wait.cancelled"}));
}

}  // namespace
}  // namespace fairlead
