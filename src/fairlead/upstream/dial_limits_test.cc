#include "fairlead/upstream/dial_limits.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"
#include "fairlead/io/simulation.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;

// Two cores of one process on virtual time.
class DialLimitsTest : public ::testing::Test {
 protected:
  struct Begun {
    int core;
    int number;
    Time at;
  };
  // A dial that takes `time`.
  static Task<void> dial(DialLimitsTest* test, int on, int number, Duration time,
                         CancelToken cancel) {
    io::Core& core = *test->cores[on];
    auto entering = test->lines[on].enter(cancel);
    Result<DialPass> pass = co_await entering;
    if (!pass.ok()) {
      test->refused.push_back(std::string(pass.status().reason()));
      co_return;
    }
    test->begun.push_back({on, number, core.now()});
    test->most = std::max(test->most, ++test->running);
    Status slept = co_await Sleep(core.timers(), core.deadline_after(time));
    EXPECT_TRUE(slept.ok());
    --test->running;
  }
  void start(int on, int number, Duration time, const CancelToken& cancel = {}) {
    scopes[on].spawn(dial(this, on, number, time, cancel));
  }
  void pass(Duration time) { testkit::pass_time(*cores[0], time); }
  // The most dials that began in any second.
  std::size_t busiest_second() const {
    std::size_t busiest = 0;
    for (const Begun& from : begun) {
      busiest = std::max(
          busiest, static_cast<std::size_t>(std::ranges::count_if(begun, [&](const Begun& one) {
            return one.at >= from.at && one.at < from.at + 1s;
          })));
    }
    return busiest;
  }

  io::Simulation simulation{1};
  io::Core* const cores[2] = {&simulation.add_core("0"), &simulation.add_core("1")};
  DialLimits limits{{.dials_max = 4, .dials_per_second = 10}};
  DialLine lines[2] = {{*cores[0], limits}, {*cores[1], limits}};
  Scope scopes[2];
  std::vector<Begun> begun;
  std::vector<std::string> refused;
  int running = 0;
  int most = 0;
};

TEST_F(DialLimitsTest, LetsDialsGoAtOnceWhileThereIsRoom) {
  for (int i = 0; i < 4; ++i) start(0, i, 1ms);
  EXPECT_EQ(begun.size(), 4U);
  pass(1s);
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST_F(DialLimitsTest, BoundsThoseThatDialAtOnceOverAllCores) {
  for (int i = 0; i < 20; ++i) start(i % 2, i, 5s);
  EXPECT_EQ(begun.size(), 4U);
  EXPECT_EQ(lines[0].waiting() + lines[1].waiting(), 16U);

  pass(60s);

  EXPECT_EQ(begun.size(), 20U);
  EXPECT_EQ(most, 4);
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST_F(DialLimitsTest, BeginsNoMoreInAnySecondThanItMay) {
  limits.update({.dials_max = 1000, .dials_per_second = 10});
  for (int i = 0; i < 50; ++i) start(i % 2, i, 1ms);
  EXPECT_EQ(begun.size(), 10U);

  pass(10s);

  EXPECT_EQ(begun.size(), 50U);
  EXPECT_EQ(busiest_second(), 10U);
  EXPECT_LT(begun.back().at - begun.front().at, 4100ms) << "and no fewer";
}

TEST_F(DialLimitsTest, KeepsTheOrderOfEachCoreAndGivesThemTurns) {
  for (int i = 0; i < 40; ++i) start(0, i, 10ms);
  for (int i = 0; i < 10; ++i) start(1, i, 10ms);
  pass(60s);

  ASSERT_EQ(begun.size(), 50U);
  int next[2] = {0, 0};
  std::size_t last_of_second = 0;
  for (std::size_t i = 0; i < begun.size(); ++i) {
    EXPECT_EQ(begun[i].number, next[begun[i].core]++);
    if (begun[i].core == 1) last_of_second = i;
  }
  EXPECT_LT(last_of_second, 30U) << "it does not wait for all of the other core's";
}

TEST_F(DialLimitsTest, LetsTheNextOneGoWhereAWaitIsCancelled) {
  CancelSource source;
  for (int i = 0; i < 4; ++i) start(0, i, 1s);
  start(0, 4, 1ms, source.token());
  start(0, 5, 1ms);

  source.cancel();
  EXPECT_EQ(refused, std::vector<std::string>{"dial.cancelled"});
  pass(10s);

  EXPECT_EQ(begun.size(), 5U);
  EXPECT_EQ(begun.back().number, 5);
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST_F(DialLimitsTest, GivesItsPlaceBackWhereEverybodyWhoWaitedHasGone) {
  limits.update({.dials_max = 1, .dials_per_second = 1});
  CancelSource source;
  start(0, 0, 100ms);
  start(0, 1, 1ms, source.token());  // gets the place, and waits for its second
  pass(500ms);
  source.cancel();
  pass(2s);
  EXPECT_EQ(limits.dialing(), 0U);

  CancelSource other;
  start(0, 2, 5s);
  pass(1s);
  start(1, 3, 1ms, other.token());  // waits for the place
  other.cancel();
  pass(10s);
  EXPECT_EQ(limits.dialing(), 0U);
  EXPECT_EQ(begun.size(), 2U);
}

TEST_F(DialLimitsTest, RefusesWhoIsCancelledAlready) {
  CancelSource source;
  source.cancel();
  start(0, 0, 1ms, source.token());
  EXPECT_EQ(refused.size(), 1U);
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST_F(DialLimitsTest, LetsThoseWhoWaitGoWhenTheLimitsAreRaised) {
  for (int i = 0; i < 8; ++i) start(i % 2, i, 30s);
  EXPECT_EQ(begun.size(), 4U);

  limits.update({.dials_max = 100, .dials_per_second = 100});
  pass(1ms);

  EXPECT_EQ(begun.size(), 8U);
  pass(60s);
}

TEST_F(DialLimitsTest, CutsNobodyWhenTheLimitsAreLowered) {
  for (int i = 0; i < 4; ++i) start(0, i, 5s);
  limits.update({.dials_max = 1, .dials_per_second = 3});
  for (int i = 4; i < 10; ++i) start(0, i, 10ms);
  pass(4s);
  EXPECT_EQ(begun.size(), 4U);
  most = 0;
  pass(30s);

  EXPECT_EQ(begun.size(), 10U);
  EXPECT_EQ(most, 1);
  begun.erase(begun.begin(), begun.begin() + 4);
  EXPECT_LE(busiest_second(), 3U);
}

TEST_F(DialLimitsTest, ForgetsALineThatIsDestroyed) {
  for (int i = 0; i < 4; ++i) start(0, i, 1s);
  {
    DialLine gone(*cores[1], limits);
    CancelSource source;
    const auto enter = [](DialLine* line, CancelToken cancel) -> Task<void> {
      auto entering = line->enter(cancel);
      Result<DialPass> pass = co_await entering;
      EXPECT_FALSE(pass.ok());
    };
    Scope scope;
    scope.spawn(enter(&gone, source.token()));
    EXPECT_EQ(gone.waiting(), 1U);
    source.cancel();
  }
  pass(10s);
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST(DialLimitOptionsTest, SaysThatALimitIsNoGood) {
  EXPECT_TRUE(DialLimitOptions().validate().ok());
  EXPECT_EQ(DialLimitOptions{.dials_max = 0}.validate().reason(), "dial.bad_limit");
  EXPECT_EQ(DialLimitOptions{.dials_per_second = 0}.validate().reason(), "dial.bad_limit");
  EXPECT_EQ(DialLimitOptions{.dials_max = 100'001}.validate().reason(), "dial.bad_limit");
  EXPECT_TRUE(DialLimitOptions{.dials_max = 1}.validate().ok());
}

// ---- threads

struct Shared {
  DialLimits limits{{.dials_max = 3, .dials_per_second = 100'000}};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ended{0};
  std::atomic<int> threads_done{0};
};

Task<void> dial_on_thread(Shared* shared, DialLine* line, io::Core* core) {
  auto entering = line->enter(CancelToken());
  Result<DialPass> pass = co_await entering;
  EXPECT_TRUE(pass.ok());
  const int now = shared->running.fetch_add(1) + 1;
  int most = shared->most.load();
  while (most < now && !shared->most.compare_exchange_weak(most, now)) {
  }
  Status slept = co_await Sleep(core->timers(), Deadline(core->now()));
  EXPECT_TRUE(slept.ok());
  shared->running.fetch_sub(1);
  shared->ended.fetch_add(1);
}

TEST(DialLimitsThreads, HoldTheBoundsTogether) {
  constexpr int kThreads = 4;
  constexpr int kDials = 200;
  Shared shared;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&shared] {
      const std::unique_ptr<io::Core> core = io::Core::make().value();
      {
        DialLine line(*core, shared.limits);
        Scope scope;
        for (int n = 0; n < kDials; ++n) scope.spawn(dial_on_thread(&shared, &line, core.get()));
        while (scope.running() > 0) core->turn(core->deadline_after(5ms));
      }
      shared.threads_done.fetch_add(1);
      // A letter may still be under way to this core.
      while (shared.threads_done.load() < kThreads) core->turn(core->deadline_after(1ms));
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(shared.ended.load(), kThreads * kDials);
  EXPECT_EQ(shared.most.load(), 3);
  EXPECT_EQ(shared.limits.dialing(), 0U);
}

}  // namespace
}  // namespace fairlead::upstream
