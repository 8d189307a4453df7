#include "fairlead/async/ambient.h"

#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

class AmbientTest : public ::testing::Test {
 protected:
  static Deadline now_under() { return ambient() != nullptr ? ambient()->deadline : Deadline(); }
  Task<void> look() {
    seen.push_back(now_under());
    co_return;
  }
  Task<void> look_wait_look(Event* event) {
    seen.push_back(now_under());
    Status waited = co_await event->wait(timers, Deadline());
    EXPECT_TRUE(waited.ok());
    auto deeper = look();
    co_await deeper;
  }

  TimerWheel timers{Time{}};
  Scope scope;
  std::vector<Deadline> seen;
  const Deadline first{Time{} + 1s};
  const Deadline second{Time{} + 2s};
};

TEST_F(AmbientTest, IsNothingWhereNobodySetOne) { EXPECT_EQ(ambient(), nullptr); }

TEST_F(AmbientTest, FollowsACoroutineThroughItsWaits) {
  Event event;
  const Ambient one{.deadline = first};
  {
    const AmbientScope in(&one);
    scope.spawn(look_wait_look(&event));
  }
  EXPECT_EQ(ambient(), nullptr);
  const Ambient waker{.deadline = second};
  {
    const AmbientScope in(&waker);
    event.set();
    EXPECT_EQ(now_under(), second) << "the waker's own is back";
  }
  EXPECT_EQ(seen, (std::vector<Deadline>{first, first}));
}

TEST_F(AmbientTest, OfNobodyDoesNotBecomeThatOfTheWaker) {
  Event event;
  scope.spawn(look_wait_look(&event));
  const Ambient waker{.deadline = second};
  const AmbientScope in(&waker);
  event.set();
  EXPECT_EQ(seen, (std::vector<Deadline>{Deadline(), Deadline()}));
}

TEST_F(AmbientTest, IsLeftBehindByADetachedTask) {
  const Ambient one{.deadline = first};
  const AmbientScope in(&one);
  scope.spawn_detached(look());
  EXPECT_EQ(seen, std::vector<Deadline>{Deadline()});
}

TEST_F(AmbientTest, KeepsTheTokenAlive) {
  Event event;
  auto source = std::make_unique<CancelSource>();
  CancelToken seen_token;
  const auto task = [](TimerWheel* wheel, Event* wake, CancelToken* out) -> Task<void> {
    Status waited = co_await wake->wait(*wheel, Deadline());
    EXPECT_TRUE(waited.ok());
    *out = ambient()->cancel;
  };
  {
    const Ambient one{.deadline = {}, .cancel = source->token()};
    const AmbientScope in(&one);
    scope.spawn(task(&timers, &event, &seen_token));
  }
  source->cancel();
  source.reset();
  event.set();
  EXPECT_TRUE(seen_token.cancelled());
}

}  // namespace
}  // namespace fairlead
