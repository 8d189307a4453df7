#include "fairlead/async/timer_wheel.h"

#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

Time at(Duration since_start) { return Time(since_start); }

struct Recorder final : Timer {
  explicit Recorder(int& fired_count) : fired(fired_count) {}
  void on_timer() override { ++fired; }
  int& fired;
};

TEST(TimerWheel, FiresATimerAtItsTimeAndNeverBefore) {
  TimerWheel wheel(at(0s));
  int fired = 0;
  Recorder timer(fired);
  wheel.arm(timer, at(250us));  // rounded up to the next millisecond

  wheel.advance(at(999us));
  EXPECT_EQ(fired, 0);
  wheel.advance(at(1ms));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
}

// The owner sleeps until next_expiry(): what it says may be too early, never too late.
TEST(TimerWheel, SaysWhenItMustBeLookedAtAgain) {
  TimerWheel wheel(at(0s));
  EXPECT_EQ(wheel.next_expiry(), std::nullopt);
  int fired = 0;
  Recorder late(fired);
  Recorder soon(fired);
  wheel.arm(late, at(5s));
  EXPECT_LE(*wheel.next_expiry(), at(5s));
  wheel.arm(soon, at(3ms));
  EXPECT_LE(*wheel.next_expiry(), at(3ms));

  soon.disarm();  // forgotten, and the next look corrects it
  wheel.advance(at(4ms));
  EXPECT_EQ(fired, 0);
  EXPECT_GT(*wheel.next_expiry(), at(4ms));
  late.disarm();
  EXPECT_EQ(wheel.next_expiry(), std::nullopt);
  wheel.arm(soon, at(6s));
  EXPECT_LE(*wheel.next_expiry(), at(6s));
  EXPECT_GT(*wheel.next_expiry(), at(5s));
}

TEST(TimerWheel, ForgetsADisarmedOrDestroyedTimer) {
  TimerWheel wheel(at(0s));
  int fired = 0;
  Recorder timer(fired);
  wheel.arm(timer, at(5ms));
  timer.disarm();
  {
    Recorder gone(fired);
    wheel.arm(gone, at(5ms));
  }

  wheel.advance(at(1s));

  EXPECT_EQ(fired, 0);
  EXPECT_EQ(wheel.size(), 0U);
  EXPECT_EQ(wheel.next_expiry(), std::nullopt);
}

TEST(TimerWheel, MovesATimerThatIsArmedAgain) {
  TimerWheel wheel(at(0s));
  int fired = 0;
  Recorder timer(fired);
  wheel.arm(timer, at(5ms));
  wheel.arm(timer, at(100ms));

  wheel.advance(at(50ms));
  EXPECT_EQ(fired, 0);
  wheel.advance(at(100ms));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, KeepsTimersFurtherAwayThanItReaches) {
  TimerWheel wheel(at(0s));
  int fired = 0;
  Recorder timer(fired);
  const Duration three_years = std::chrono::hours(3 * 365 * 24);
  wheel.arm(timer, at(three_years));

  wheel.advance(at(three_years - 1h));
  EXPECT_EQ(fired, 0);
  wheel.advance(at(three_years));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, LetsACallbackDisarmItsNeighboursAndArmItselfAgain) {
  struct Chain final : Timer {
    void on_timer() override {
      ++fired;
      neighbour->disarm();
      if (fired == 1) wheel->arm(*this, at(20ms));
    }
    TimerWheel* wheel = nullptr;
    Timer* neighbour = nullptr;
    int fired = 0;
  };
  TimerWheel wheel(at(0s));
  Chain a;
  Chain b;
  a.wheel = b.wheel = &wheel;
  a.neighbour = &b;
  b.neighbour = &a;
  wheel.arm(a, at(10ms));
  wheel.arm(b, at(10ms));

  wheel.advance(at(30ms));

  EXPECT_EQ(a.fired + b.fired, 2) << "one of the two, twice";
}

// Against a sorted map, with random times, steps and disarms.
TEST(TimerWheel, AgreesWithASortedListOnRandomSchedules) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    TimerWheel wheel(at(0s));
    struct Entry final : Timer {
      void on_timer() override { fired_at = now->time_since_epoch(); }
      const Time* now = nullptr;
      Duration due{};
      Duration fired_at{-1};
    };
    std::vector<std::unique_ptr<Entry>> entries;
    Time now = at(0s);
    for (int step = 0; step < 400; ++step) {
      auto& entry = *entries.emplace_back(std::make_unique<Entry>());
      const Duration wait = std::chrono::milliseconds(random.below(1ULL << random.below(28)));
      entry.now = &now;
      entry.due = now.time_since_epoch() + wait;
      wheel.arm(entry, Time(entry.due));
      now += std::chrono::microseconds(random.below(1ULL << random.below(24)));
      wheel.advance(now);
      if (const auto next = wheel.next_expiry()) {
        EXPECT_GT(*next, now - 1ms) << "seed " << seed;
      }
      for (const auto& each : entries) {
        const bool due = each->due <= now.time_since_epoch() - 1ms;
        if (due) {
          ASSERT_TRUE(each->fired_at >= each->due) << "seed " << seed << " step " << step;
        }
        if (each->due > now.time_since_epoch()) {
          ASSERT_LT(each->fired_at, 0s) << "seed " << seed;
        }
      }
    }
    entries.clear();
    EXPECT_EQ(wheel.size(), 0U);
  }
}

}  // namespace
}  // namespace fairlead
