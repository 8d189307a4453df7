#include "fairlead/async/scope.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

Task<void> sleeper(TimerWheel* timers, CancelToken cancel, int* ended) {
  Status slept = co_await Sleep(*timers, Deadline(Time(1h)), std::move(cancel));
  if (slept.code() == Code::kCancelled) ++*ended;
}

Task<void> close(Scope* scope, TimerWheel* timers, bool* closed) {
  Status status = co_await scope->close(*timers, Deadline());
  *closed = status.ok();
}

TEST(Scope, CancelsItsTasksAndWaitsForThem) {
  TimerWheel timers(Time(0s));
  Scope scope;
  Scope other;
  int ended = 0;
  bool closed = false;
  for (int i = 0; i < 3; ++i) scope.spawn(sleeper(&timers, scope.token(), &ended));
  EXPECT_EQ(scope.running(), 3U);

  other.spawn(close(&scope, &timers, &closed));

  EXPECT_EQ(ended, 3);
  EXPECT_TRUE(closed);
  EXPECT_EQ(timers.size(), 0U);
}

TEST(Scope, DropsTasksOnceItCloses) {
  TimerWheel timers(Time(0s));
  Scope scope;
  Scope other;
  bool closed = false;
  other.spawn(close(&scope, &timers, &closed));
  int ended = 0;
  scope.spawn(sleeper(&timers, scope.token(), &ended));
  EXPECT_EQ(scope.running(), 0U);
  EXPECT_EQ(ended, 0);
}

}  // namespace
}  // namespace fairlead
