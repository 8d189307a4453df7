// The machine of a link, row by row, without a connection. Times are seconds since the link began.
#include "fairlead/rpc/liveness.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace fairlead::rpc::internal {
namespace {

using namespace std::chrono_literals;

// A link whose looks happen when the machine wants them.
class LivenessTest : public ::testing::Test {
 protected:
  static constexpr Time kBegin{1h};

  LivenessTest() { machine.begin(kBegin); }
  Liveness::Rules rules() const { return {heartbeat, idle, may_ping, spread_by}; }
  // Looks once at `at`. A PING that is due is written.
  Liveness::Look look(Duration at) {
    const Time now = kBegin + at;
    const Liveness::Look seen = machine.look(
        rules(), {.now = now, .read_at = read_at, .written = written, .under_way = under_way});
    if (seen.ping) machine.pinged(now, ++written, seen.asks);
    return seen;
  }
  void read(Duration at) { read_at = kBegin + at; }
  void write() { ++written; }
  // Looks whenever the machine wants to, until `end`; the first look that `wanted` likes.
  template <class Wanted>
  std::optional<Duration> when(Duration end, Wanted wanted) {
    while (clock <= end) {
      const Liveness::Look seen = look(clock);
      if (wanted(seen)) return clock;
      if (seen.next == Time::max()) return std::nullopt;
      clock = seen.next - kBegin;
    }
    return std::nullopt;
  }

  HeartbeatOptions heartbeat = kUsualHeartbeat;
  IdleOptions idle{};
  bool may_ping = true;
  bool under_way = false;
  std::uint64_t spread_by = 1;
  Time read_at = kBegin;
  std::uint64_t written = 0;
  Duration clock{};
  Liveness machine;
};

constexpr auto pings = [](const Liveness::Look& seen) { return seen.ping; };
constexpr auto is_dead = [](const Liveness::Look& seen) { return seen.state == LinkState::kDead; };

TEST_F(LivenessTest, PingsAfterAnIntervalInWhichNothingWasRead) {
  const auto pinged = when(20s, pings);

  ASSERT_TRUE(pinged.has_value());
  EXPECT_GE(*pinged, 13500ms);
  EXPECT_LE(*pinged, 16500ms);
}

TEST_F(LivenessTest, IntervalsOfLinksAndOfPingsDiffer) {
  std::set<Duration> times;
  for (spread_by = 1; spread_by <= 50; ++spread_by) {
    machine = {};
    machine.begin(kBegin);
    clock = {};
    times.insert(when(20s, pings).value_or(0s));
  }

  EXPECT_GT(times.size(), 45U);
  EXPECT_LT(*times.begin(), 13700ms);
  EXPECT_GT(*times.rbegin(), 16300ms);
}

TEST_F(LivenessTest, ReadingPutsThePingOff) {
  for (int i = 1; i < 20; ++i) {
    read(i * 10s);
    EXPECT_FALSE(look(i * 10s + 5s).ping);
  }
}

TEST_F(LivenessTest, ThreePingsWithoutAByteAreTheEnd) {
  const auto first = when(20s, pings);
  const Liveness::Look second = look(*first + 5s);
  const Liveness::Look third = look(*first + 10s);
  const Liveness::Look last = look(*first + 15s);

  EXPECT_EQ(second.before, LinkState::kAlive);
  EXPECT_EQ(second.state, LinkState::kSuspect);
  EXPECT_TRUE(second.ping);
  EXPECT_EQ(second.missed, 1U);
  EXPECT_EQ(third.state, LinkState::kSuspect);
  EXPECT_TRUE(third.ping);
  EXPECT_EQ(last.state, LinkState::kDead);
  EXPECT_FALSE(last.ping);
}

TEST_F(LivenessTest, AByteAfterAPingIsLifeWhateverItIs) {
  const auto first = when(20s, pings);
  look(*first + 5s);
  ASSERT_EQ(machine.state(), LinkState::kSuspect);
  look(*first + 10s);

  read(*first + 12s);
  EXPECT_EQ(machine.health(kBegin + *first + 12s, read_at).state, LinkState::kAlive)
      << "at once for whoever asks";
  const Liveness::Look after = look(*first + 15s);

  EXPECT_EQ(after.before, LinkState::kSuspect);
  EXPECT_EQ(after.state, LinkState::kAlive);
  EXPECT_EQ(machine.health(kBegin + *first + 15s, read_at).missed, 0U);
}

TEST_F(LivenessTest, ASuspectedLinkThatLivesHasAllItsChancesAgain) {
  const auto first = when(20s, pings);
  look(*first + 5s);
  read(*first + 6s);

  const auto dead = when(80s, is_dead);

  ASSERT_TRUE(dead.has_value());
  EXPECT_GE(*dead, *first + 6s + 13500ms + 15s);
}

TEST_F(LivenessTest, IsDeadNoLaterThanAnIntervalAndThreeTimeouts) {
  for (spread_by = 1; spread_by <= 100; ++spread_by) {
    machine = {};
    machine.begin(kBegin);
    clock = {};
    const auto dead = when(60s, is_dead);
    ASSERT_TRUE(dead.has_value());
    EXPECT_GE(*dead, 28500ms);
    EXPECT_LE(*dead, 31510ms);
  }
}

TEST_F(LivenessTest, ACallThatWaitsMakesItAskSooner) {
  look(0s);
  EXPECT_EQ(machine.call_waits(rules(), kBegin + 4s, kBegin), kBegin + 7s);
  EXPECT_FALSE(look(6900ms).ping);
  const Liveness::Look probe = look(7s);

  EXPECT_TRUE(probe.ping);
  EXPECT_TRUE(probe.asks);
  EXPECT_TRUE(look(12s).missed);
  look(17s);
  EXPECT_EQ(look(22s).state, LinkState::kDead);
}

TEST_F(LivenessTest, ACallThatHasItsReplyMakesItAskNoSooner) {
  machine.call_waits(rules(), kBegin + 4s, kBegin);
  read(5s);
  machine.no_call_waits(kBegin + 5s);

  EXPECT_FALSE(look(10s).ping);
}

// Each alone ends too soon for a probe.
TEST_F(LivenessTest, ShortCallsThatEndWithoutAnswerMakeItAskSooner) {
  look(0s);
  for (Duration begun = 4s; begun < 7s; begun += 600ms) {
    EXPECT_EQ(machine.call_waits(rules(), kBegin + begun, kBegin), kBegin + 7s);
    EXPECT_FALSE(look(begun + 500ms).ping) << "its time is over";
    machine.no_call_waits(kBegin);
  }
  EXPECT_TRUE(look(7s).ping);

  read(7100ms);
  machine.no_call_waits(kBegin + 7100ms);
  EXPECT_FALSE(look(12s).ping) << "the peer lives, and nobody waits";
}

TEST_F(LivenessTest, WithoutFastProbesCallsChangeNothing) {
  heartbeat.fast_probe = 0s;
  EXPECT_EQ(machine.call_waits(rules(), kBegin + 4s, kBegin), Time::max());
  EXPECT_FALSE(look(10s).ping);
}

TEST_F(LivenessTest, PingsWhenNothingWasWrittenThoughMuchIsRead) {
  idle.write = 15s;
  std::optional<Duration> pinged;
  for (Duration now = 0s; now < 30s && !pinged; now += 1s) {
    read(now);
    if (look(now).ping) pinged = now;
  }

  EXPECT_EQ(pinged, 15s);
}

TEST_F(LivenessTest, KnowsWhenItWroteToAQuarterOfTheIdleTime) {
  idle.write = 16s;
  look(0s);
  write();
  const Liveness::Look seen = look(3s);

  EXPECT_LE(seen.next, kBegin + 3s + 4s);
  read(19s);
  EXPECT_FALSE(look(18900ms).ping);
  EXPECT_TRUE(look(19s).ping);
}

TEST_F(LivenessTest, WhoOnlyWritesNoticesADeadPeer) {
  idle.write = 15s;
  std::optional<Duration> dead;
  for (Duration now = 0s; now < 40s && !dead; now += 500ms) {
    write();
    if (look(now).state == LinkState::kDead) dead = now;
  }

  ASSERT_TRUE(dead.has_value());
  EXPECT_LE(*dead, 32s);
}

TEST_F(LivenessTest, AdoptsALongerIntervalOfThePeer) {
  machine.ask_for_interval(40s);
  const auto first = when(60s, pings);
  EXPECT_GE(*first, 40s);

  read(*first + 1s);
  const auto second = when(120s, pings);
  EXPECT_GE(*second, *first + 41s);
}

TEST_F(LivenessTest, InDoubtItAsksSoonerThanThePeerWants) {
  machine.ask_for_interval(60s);
  const auto first = when(70s, pings);
  ASSERT_TRUE(first.has_value());

  EXPECT_TRUE(look(*first + 5s).ping);
  EXPECT_TRUE(look(*first + 10s).ping);
  EXPECT_EQ(look(*first + 15s).state, LinkState::kDead);
}

// However patiently it waits for answers.
TEST_F(LivenessTest, AsksEveryIntervalAlsoWhereTheTimeoutIsLonger) {
  heartbeat = {.mode = HeartbeatMode::kPingPong, .interval = 5s, .timeout = 1min};
  int count = 0;
  (void)when(100s, [&](const auto& seen) {
    count += seen.ping;
    if (seen.ping) read(clock + 1ms);
    return false;
  });

  EXPECT_GE(count, 17);
  EXPECT_LE(count, 22);
}

TEST_F(LivenessTest, KeepsItsOwnIntervalWhenThePeerAsksForAShorterOne) {
  machine.ask_for_interval(1s);
  EXPECT_GE(when(20s, pings).value_or(0s), 13500ms);
}

TEST_F(LivenessTest, MeasuresTheAnswerToTheLastPingOnce) {
  const std::uint32_t number = machine.next_ping();
  const auto pinged = when(20s, pings);
  ASSERT_TRUE(pinged.has_value());

  EXPECT_EQ(machine.answered(number + 1, kBegin + *pinged + 1ms), 0s) << "a number never sent";
  EXPECT_EQ(machine.answered(number, kBegin + *pinged + 2ms), 2ms);
  EXPECT_EQ(machine.answered(number, kBegin + *pinged + 9ms), 0s) << "nobody waits any more";
  EXPECT_EQ(machine.health(kBegin + *pinged + 9ms, read_at).rtt, 2ms);
}

TEST_F(LivenessTest, ACallThatWaitsAsksNoMoreOftenThanThePeerWants) {
  machine.ask_for_interval(60s);
  machine.call_waits(rules(), kBegin, kBegin);
  ASSERT_TRUE(look(3s).ping) << "the first one at once";

  read(3s + 1ms);
  EXPECT_EQ(machine.answered(1, read_at), 1ms);
  clock = 3s + 1ms;
  EXPECT_EQ(when(200s, pings), 63s) << "the peer lives, and nothing but its answer came";
}

TEST_F(LivenessTest, ProbesThatAreFasterThanTheUsualMinimumKeepIt) {
  heartbeat.fast_probe = 200ms;
  machine.call_waits(rules(), kBegin, kBegin);
  ASSERT_TRUE(look(200ms).ping);

  read(201ms);
  clock = 201ms;
  EXPECT_EQ(when(20s, pings), 200ms + heartbeat.interval_min);
}

TEST_F(LivenessTest, InPingPingTellsAndListens) {
  heartbeat.mode = HeartbeatMode::kPingPing;
  const auto first = when(20s, pings);
  ASSERT_TRUE(first.has_value());
  EXPECT_GE(*first, 13500ms);
  EXPECT_FALSE(machine.health(kBegin + *first, read_at).missed);

  const auto suspect =
      when(60s, [](const auto& seen) { return seen.state == LinkState::kSuspect; });
  const auto dead = when(60s, is_dead);

  EXPECT_EQ(suspect, 30s);
  EXPECT_EQ(dead, 45s) << "interval x miss_max";
}

TEST_F(LivenessTest, InPingPingNobodyIsAsked) {
  heartbeat.mode = HeartbeatMode::kPingPing;
  clock = {};
  std::uint32_t told = 0;
  (void)when(44s, [&](const auto& seen) {
    told += seen.ping;
    EXPECT_FALSE(seen.asks);
    return false;
  });
  EXPECT_GE(told, 2U);
  EXPECT_LE(told, 3U);
}

TEST_F(LivenessTest, InPingPingACallThatWaitsAsksAllTheSame) {
  heartbeat.mode = HeartbeatMode::kPingPing;
  look(0s);
  machine.call_waits(rules(), kBegin, kBegin);
  const Liveness::Look probe = look(3s);

  EXPECT_TRUE(probe.ping && probe.asks);
  EXPECT_EQ(look(8s).state, LinkState::kSuspect);
  look(13s);
  EXPECT_EQ(look(18s).state, LinkState::kDead);
}

TEST_F(LivenessTest, SwitchedOffItAsksNobodyAndSuspectsNobody) {
  heartbeat.mode = HeartbeatMode::kOff;
  for (int i = 0; i < 100; ++i) {
    const Liveness::Look seen = look(i * 10s);
    EXPECT_FALSE(seen.ping);
    EXPECT_EQ(seen.state, LinkState::kAlive);
    EXPECT_EQ(seen.next, Time::max()) << "no timer";
  }
}

TEST_F(LivenessTest, WhereAPingWouldCostTheLinkNobodyIsAsked) {
  may_ping = false;
  EXPECT_FALSE(look(100s).ping);
  EXPECT_EQ(look(200s).state, LinkState::kAlive);
}

TEST_F(LivenessTest, IdleIsToldOnceAndAgainAfterSomethingPassed) {
  heartbeat.mode = HeartbeatMode::kOff;
  idle = {.read = 45s, .write = 15s, .both = 600s};
  const auto told = [&](auto which) { return when(2h, which); };

  EXPECT_EQ(told([](const auto& seen) { return seen.idle_write; }), 15s);
  EXPECT_EQ(told([](const auto& seen) { return seen.idle_read; }), 45s);
  EXPECT_EQ(told([](const auto& seen) {
              EXPECT_FALSE(seen.idle_read || seen.idle_write) << "once";
              return seen.idle_both;
            }),
            600s);

  read(610s);
  clock = 611s;
  EXPECT_EQ(told([](const auto& seen) { return seen.idle_read; }), 655s);
}

TEST_F(LivenessTest, AWriteThatNoLookSawDelaysTheEndByAQuarterAtMost) {
  heartbeat.mode = HeartbeatMode::kOff;
  idle = {.both = 400s};
  clock = look(0s).next - kBegin;
  write();  // right after it

  const auto told = when(2h, [](const auto& seen) { return seen.idle_both; });
  EXPECT_GE(told, 400s);
  EXPECT_LE(told, 500s);
}

TEST_F(LivenessTest, IsNotIdleWhileAnythingIsUnderWay) {
  heartbeat.mode = HeartbeatMode::kOff;
  idle = {.both = 600s};
  under_way = true;
  EXPECT_FALSE(when(2h, [](const auto& seen) { return seen.idle_both; }).has_value());

  under_way = false;
  EXPECT_TRUE(look(3h).idle_both);
}

TEST_F(LivenessTest, APlainPeerKeepsWhatItPromised) {
  heartbeat.mode = HeartbeatMode::kOff;
  machine.promised(3s);

  EXPECT_EQ(look(5900ms).state, LinkState::kAlive);
  read(5900ms);
  EXPECT_EQ(look(11800ms).state, LinkState::kAlive);
  EXPECT_EQ(look(11900ms).state, LinkState::kDead) << "twice its rate";
}

TEST_F(LivenessTest, WhatWeWriteReleasesAPlainPeerFromItsPromise) {
  heartbeat.mode = HeartbeatMode::kOff;
  machine.promised(3s);
  for (int i = 0; i < 100; ++i) {
    write();
    EXPECT_EQ(look(i * 5s).state, LinkState::kAlive);
  }
}

TEST_F(LivenessTest, TenTimesTooManyPingsForAMinuteAreTooMany) {
  bool many = false;
  int count = 0;
  for (Duration now = 0s; now < 70s && !many; now += 290ms, ++count) {
    many = machine.pings_too_often(heartbeat, kBegin + now);
    if (many) {
      EXPECT_GE(now, 60s);
    }
  }
  EXPECT_TRUE(many);
}

TEST_F(LivenessTest, FewerPingsAreNot) {
  for (Duration now = 0s; now < 10min; now += 310ms) {
    EXPECT_FALSE(machine.pings_too_often(heartbeat, kBegin + now)) << "a little more seldom";
  }
}

TEST_F(LivenessTest, PingsAreTooManyAlsoWhenAPauseFollowsThem) {
  for (int i = 0; i < 590; ++i) {
    ASSERT_FALSE(machine.pings_too_often(heartbeat, kBegin + i * 100ms));
  }
  EXPECT_TRUE(machine.pings_too_often(heartbeat, kBegin + 59s + 5s));
}

TEST_F(LivenessTest, PingsOfOneMinuteDoNotCountInAnother) {
  for (const Duration minute : {0min, 61min, 122min}) {
    for (int i = 0; i < 199; ++i) {
      ASSERT_FALSE(machine.pings_too_often(heartbeat, kBegin + minute + i * 10ms)) << i;
    }
  }
}

// Where the minimum is no whole part of a minute, or longer than one.
TEST_F(LivenessTest, PingsAreCountedForAMinimumAtLeast) {
  for (const Duration least : {Duration(35s), Duration(61s), Duration(1h)}) {
    SCOPED_TRACE(least / 1s);
    heartbeat.interval_min = least;
    const Duration window = std::max<Duration>(1min, least);
    const auto closed_after = [&](Duration every) -> std::optional<Duration> {
      machine = {};
      for (Duration now = 0s; now < 20 * window; now += every) {
        if (machine.pings_too_often(heartbeat, kBegin + now)) return now;
      }
      return std::nullopt;
    };

    EXPECT_EQ(closed_after(least), std::nullopt);
    EXPECT_EQ(closed_after(least / 8), std::nullopt);
    const std::optional<Duration> closed = closed_after(least / 11);
    ASSERT_TRUE(closed.has_value());
    EXPECT_GE(*closed, window);
    EXPECT_LE(*closed, window + least / 11);
  }
}

TEST(HeartbeatOptions, RefusesWhatMakesNoSense) {
  const auto reason = [](HeartbeatOptions options) {
    return std::string(options.validate().reason());
  };
  EXPECT_TRUE(kUsualHeartbeat.validate().ok());
  EXPECT_EQ(reason({.interval = 0s}), "peer.bad_option");
  EXPECT_EQ(reason({.timeout = 0s}), "peer.bad_option");
  EXPECT_EQ(reason({.miss_max = 0}), "peer.bad_option");
  EXPECT_EQ(reason({.miss_max = 101}), "peer.bad_option");
  EXPECT_EQ(reason({.mode = HeartbeatMode::kPingPing, .miss_max = 1}), "peer.bad_option");
  EXPECT_TRUE((HeartbeatOptions{.mode = HeartbeatMode::kPingPing, .miss_max = 2}.validate().ok()));
  EXPECT_TRUE(HeartbeatOptions{.miss_max = 100}.validate().ok());
  EXPECT_EQ(reason({.fast_probe = -1s}), "peer.bad_option");
  EXPECT_EQ(reason({.interval_min = 0s}), "peer.bad_option");
  EXPECT_TRUE(kUsualIdle.validate().ok());
  EXPECT_EQ(IdleOptions{.read = -1s}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(IdleOptions{.write = -1s}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(IdleOptions{.both = -1s}.validate().reason(), "peer.bad_option");
}

}  // namespace
}  // namespace fairlead::rpc::internal
