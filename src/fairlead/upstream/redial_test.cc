#include "fairlead/upstream/redial.h"

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using State = Redial::State;

// One link on virtual time.
class RedialTest : public ::testing::Test {
 protected:
  void pass(Duration time) { now += time; }
  void wait_out() { now += redial.wait_left(now); }
  // From any state that may be dialled.
  void become_ready() {
    ASSERT_TRUE(redial.dial(now));
    ASSERT_TRUE(redial.ready(now));
  }
  // Ready for so long, then gone; what it rests.
  Duration lose_after(Duration time) {
    pass(time);
    EXPECT_TRUE(redial.lost(now, random));
    return redial.wait_left(now);
  }
  Duration fail_once() {
    EXPECT_TRUE(redial.dial(now));
    EXPECT_TRUE(redial.failed(now, random));
    return redial.wait_left(now);
  }
  static double ratio(Duration a, Duration b) {
    return static_cast<double>(a.count()) / static_cast<double>(b.count());
  }

  RedialOptions options;
  Random random{7};
  Redial redial;
  Time now{1000s};
};

TEST_F(RedialTest, IsDialledAtOnceAtTheFirstUse) {
  EXPECT_EQ(redial.state(), State::kPreparing);
  EXPECT_TRUE(redial.may_dial(now));
  EXPECT_EQ(redial.due(), Time::max()) << "but not by itself";

  become_ready();

  EXPECT_EQ(redial.state(), State::kReady);
  EXPECT_EQ(redial.dials(), 1U);
}

TEST_F(RedialTest, DialsOnceAtATime) {
  ASSERT_TRUE(redial.dial(now));
  EXPECT_FALSE(redial.dial(now));
  EXPECT_FALSE(redial.may_dial(now));
  EXPECT_EQ(redial.dials(), 1U);
}

TEST_F(RedialTest, RestsForADrawnTimeAfterALossAndIsThenDialledByItself) {
  Duration least = 1h, most{};
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Redial one;
    random = Random(seed);
    ASSERT_TRUE(one.dial(now) && one.ready(now) && one.lost(now + 10s, random));
    ASSERT_EQ(one.state(), State::kBackoff);
    const Duration wait = one.wait_left(now + 10s);
    EXPECT_EQ(one.due(), now + 10s + wait);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }

  EXPECT_GE(least, 100ms);
  EXPECT_LT(least, 110ms);
  EXPECT_LE(most, 1s);
  EXPECT_GT(most, 990ms);
}

TEST_F(RedialTest, MayNotBeDialledBeforeItsRestIsOver) {
  become_ready();
  const Duration wait = lose_after(1min);

  pass(wait - 1ns);
  EXPECT_FALSE(redial.dial(now));
  pass(1ns);
  EXPECT_TRUE(redial.dial(now));
}

TEST_F(RedialTest, RestsLongerAfterEachFailureUpToTheMost) {
  become_ready();
  Duration wait = lose_after(1min);
  Duration expected = wait;
  for (int i = 0; i < 20; ++i) {
    wait_out();
    wait = fail_once();
    expected = std::min<Duration>(
        Duration(static_cast<Duration::rep>(static_cast<double>(expected.count()) * 1.6)), 30s);
    EXPECT_GE(ratio(wait, expected), 0.799);
    EXPECT_LE(ratio(wait, expected), 1.201);
  }
  EXPECT_EQ(expected, 30s);
}

TEST_F(RedialTest, BeginsAnewOnlyAfterItWasReadyForLong) {
  become_ready();
  (void)lose_after(1min);
  for (int i = 0; i < 8; ++i) {
    wait_out();
    (void)fail_once();
  }
  wait_out();
  become_ready();
  EXPECT_GT(lose_after(10s - 1ns), 10s) << "just too early";

  wait_out();
  become_ready();
  EXPECT_LE(lose_after(10s), 1s);
}

TEST_F(RedialTest, RestsLongerAndLongerWhereTheLinkComesAndGoes) {
  become_ready();
  std::vector<Duration> waits;
  for (int i = 0; i < 15; ++i) {
    waits.push_back(lose_after(3s));
    wait_out();
    become_ready();
  }

  for (std::size_t i = 1; i < waits.size(); ++i) {
    EXPECT_GE(ratio(waits[i], waits[i - 1]), waits[i - 1] > 20s ? 0.6 : 1.05) << i;
  }
  EXPECT_GE(waits.back(), 24s);
}

TEST_F(RedialTest, IsQuarantinedAfterThreeFailuresAndStillDialled) {
  become_ready();
  (void)lose_after(1min);
  wait_out();
  (void)fail_once();
  wait_out();
  (void)fail_once();
  EXPECT_EQ(redial.state(), State::kBackoff);
  EXPECT_FALSE(redial.quarantined());
  wait_out();
  (void)fail_once();

  EXPECT_EQ(redial.state(), State::kQuarantined);
  EXPECT_TRUE(redial.quarantined());
  EXPECT_EQ(redial.due(), now + redial.wait_left(now));
  wait_out();
  ASSERT_TRUE(redial.dial(now));
  EXPECT_TRUE(redial.quarantined()) << "also while it is dialled";
}

TEST_F(RedialTest, TellsThatItWasTakenOutOfQuarantine) {
  become_ready();
  EXPECT_FALSE(redial.recovered());
  (void)lose_after(1min);
  for (int i = 0; i < 3; ++i) {
    wait_out();
    (void)fail_once();
  }
  wait_out();
  become_ready();

  EXPECT_TRUE(redial.recovered());
  EXPECT_FALSE(redial.quarantined());
  EXPECT_EQ(redial.failures(), 0U);
  (void)lose_after(1s);
  wait_out();
  become_ready();
  EXPECT_FALSE(redial.recovered());
}

TEST_F(RedialTest, HoldsALeavingPeerAgainstNobody) {
  become_ready();
  pass(1s);

  ASSERT_TRUE(redial.leaving(now, 0ms, random));

  EXPECT_EQ(redial.state(), State::kPassiveClosing);
  EXPECT_TRUE(redial.may_dial(now));
  EXPECT_EQ(redial.due(), Time::max());
  ASSERT_TRUE(redial.closed());
  EXPECT_EQ(redial.state(), State::kPreparing);
}

TEST_F(RedialTest, StartsItsRestAtWhatAnOverloadedPeerAskedFor) {
  Duration least = 1h, most{};
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Redial one;
    random = Random(seed);
    ASSERT_TRUE(one.dial(now) && one.ready(now) && one.leaving(now, 5s, random));
    ASSERT_EQ(one.state(), State::kBackoff);
    least = std::min(least, one.wait_left(now));
    most = std::max(most, one.wait_left(now));
  }

  EXPECT_GE(least, 5s);
  EXPECT_LE(most, 6s);
  EXPECT_GT(most - least, 900ms) << "they do not come back together";
}

TEST_F(RedialTest, RestsGrowFromWhatAnOverloadedPeerAskedFor) {
  become_ready();
  pass(1min);
  ASSERT_TRUE(redial.leaving(now, 5s, random));
  wait_out();
  const Duration second = fail_once();
  EXPECT_GE(ratio(second, 8s), 0.799);
  EXPECT_LE(ratio(second, 8s), 1.201);

  wait_out();
  become_ready();
  pass(1min);
  ASSERT_TRUE(redial.leaving(now, 5min, random));
  wait_out();
  EXPECT_LE(fail_once(), 36s) << "but no longer than rests may be";
}

TEST_F(RedialTest, IsDialledSoonByItselfWhereItsOnlyPeerLeft) {
  Duration least = 1h, most{};
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Redial one;
    random = Random(seed);
    const Time gone = now + 10s;
    ASSERT_TRUE(one.dial(now) && one.ready(now) && one.left(gone, random));
    EXPECT_EQ(one.due(), gone + one.wait_left(gone));
    least = std::min(least, one.wait_left(gone));
    most = std::max(most, one.wait_left(gone));
  }
  EXPECT_LT(least, 20ms);
  EXPECT_GT(most, 1980ms);
  EXPECT_LE(most, 2s);
}

// Two that send each other away for one name, say.
TEST_F(RedialTest, RestsLongerEachTimeWhereItsPeerSendsItAwayAtOnce) {
  become_ready();
  Duration rest{};
  for (int i = 0; i < 12; ++i) {
    pass(1s);
    ASSERT_TRUE(redial.left(now, random));
    rest = redial.wait_left(now);
    wait_out();
    become_ready();
  }
  EXPECT_GE(rest, 20s);
}

TEST_F(RedialTest, RestsNoLongerThanTenMinutesForAPeer) {
  become_ready();
  ASSERT_TRUE(redial.leaving(now, 24h, random));
  EXPECT_LE(redial.wait_left(now), 12min);
}

TEST_F(RedialTest, IsPreparingAgainWhenThisSideClosedIt) {
  become_ready();

  ASSERT_TRUE(redial.closing());
  EXPECT_EQ(redial.state(), State::kActiveClosing);
  EXPECT_FALSE(redial.lost(now, random)) << "not a loss";
  ASSERT_TRUE(redial.closed());

  EXPECT_EQ(redial.state(), State::kPreparing);
  EXPECT_TRUE(redial.may_dial(now));
}

TEST_F(RedialTest, IsClosedOnceItIsRemovedWhateverItsState) {
  become_ready();
  (void)lose_after(1s);

  ASSERT_TRUE(redial.remove());

  EXPECT_EQ(redial.state(), State::kClosed);
  EXPECT_EQ(redial.due(), Time::max());
  EXPECT_EQ(redial.due(true), Time::max());
  wait_out();
  EXPECT_FALSE(redial.dial(now));
  EXPECT_FALSE(redial.remove());
}

TEST_F(RedialTest, EndsADialOfARemovedLinkInNothing) {
  ASSERT_TRUE(redial.dial(now));
  ASSERT_TRUE(redial.remove());
  EXPECT_FALSE(redial.ready(now));
  EXPECT_FALSE(redial.failed(now, random));
  EXPECT_EQ(redial.state(), State::kClosed);
}

TEST_F(RedialTest, IsGivenUpWhenItsTimesAreUsedUp) {
  options.redial_times = 2;
  redial.update(options);
  become_ready();
  (void)lose_after(1s);
  wait_out();
  (void)fail_once();
  EXPECT_EQ(redial.state(), State::kBackoff);
  wait_out();
  (void)fail_once();
  EXPECT_EQ(redial.state(), State::kClosed);
}

TEST_F(RedialTest, CountsItsTimesAnewAfterADialThatWorked) {
  options.redial_times = 2;
  redial.update(options);
  become_ready();
  for (int i = 0; i < 5; ++i) {
    (void)lose_after(1s);
    wait_out();
    (void)fail_once();
    wait_out();
    become_ready();
  }
  EXPECT_EQ(redial.state(), State::kReady);
}

TEST_F(RedialTest, IsNotDialledAgainWhereNoRedialIsWanted) {
  options.redial_times = 0;
  redial.update(options);
  become_ready();
  (void)lose_after(1h);
  EXPECT_EQ(redial.state(), State::kClosed);
}

TEST_F(RedialTest, RestsShortlyAndIsDialledOnDemandWhereItNeverWasReady) {
  const Duration first = fail_once();
  EXPECT_GE(first, 80ms);
  EXPECT_LE(first, 120ms);
  EXPECT_EQ(redial.due(), Time::max()) << "nobody has lost it";
  EXPECT_EQ(redial.due(true), now + first) << "but somebody may wait for it";

  for (int i = 0; i < 10; ++i) {
    wait_out();
    (void)fail_once();
  }
  EXPECT_EQ(redial.state(), State::kQuarantined);
  EXPECT_LE(redial.wait_left(now), 2400ms);
  EXPECT_EQ(redial.due(), now + redial.wait_left(now)) << "out of routing, so by itself";
}

TEST_F(RedialTest, RestsLongerEachTimeAlsoAfterAFirstWaitOfNothing) {
  options.first_wait_min = options.first_wait_max = 0ms;
  redial.update(options);
  become_ready();
  EXPECT_EQ(lose_after(1min), 0ms);
  const Duration second = fail_once();
  EXPECT_GE(second, 1280us);
  wait_out();
  EXPECT_GT(fail_once(), second);
}

TEST_F(RedialTest, UsesNewSettingsFromTheNextWaitOn) {
  become_ready();
  options.first_wait_min = options.first_wait_max = 7s;
  redial.update(options);
  EXPECT_EQ(lose_after(1min), 7s);
}

TEST_F(RedialTest, IgnoresEventsThatDoNotFitItsState) {
  EXPECT_FALSE(redial.ready(now));
  EXPECT_FALSE(redial.failed(now, random));
  EXPECT_FALSE(redial.lost(now, random));
  EXPECT_FALSE(redial.leaving(now, 0ms, random));
  EXPECT_FALSE(redial.left(now, random));
  EXPECT_FALSE(redial.closing());
  EXPECT_FALSE(redial.closed());
  EXPECT_EQ(redial.state(), State::kPreparing);
}

TEST(RedialOptionsTest, SaysWhichSettingIsNoGood) {
  EXPECT_TRUE(RedialOptions().validate().ok());
  const auto reason = [](auto change) {
    RedialOptions options;
    change(options);
    return std::string(options.validate().reason());
  };
  const std::string bad = "redial.bad_option";
  EXPECT_EQ(reason([](RedialOptions& o) { o.first_wait_min = -1ns; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.first_wait_max = 99ms; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.first_wait_max = 100ms; }), "");
  EXPECT_EQ(reason([](RedialOptions& o) { o.multiplier = 0.99; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.multiplier = 10.1; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.multiplier = 1; }), "");
  EXPECT_EQ(reason([](RedialOptions& o) { o.backoff_max = 0ns; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.stable = -1ns; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.quarantine_after = 0; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.redial_times = -2; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.goaway_spread = -1ns; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.unseen_wait_first = 0ns; }), bad);
  EXPECT_EQ(reason([](RedialOptions& o) { o.unseen_wait_max = 0ns; }), bad);
}

}  // namespace
}  // namespace fairlead::upstream
