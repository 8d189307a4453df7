#include <string>

#include <gtest/gtest.h>

#include "entrance_scenario.h"
#include "link_scenario.h"
#include "scenario.h"

namespace fairlead::simulation {
namespace {

TEST(Scenario, IsTheSameRunForTheSameSeed) {
  const auto traced = [](std::uint64_t seed) {
    std::string trace;
    const Outcome outcome =
        run_scenario(seed, [&](std::string_view line) { trace.append(line).append("\n"); });
    return std::pair(outcome.digest, trace);
  };
  const auto first = traced(7);
  EXPECT_EQ(traced(7), first);
  EXPECT_NE(traced(8).first, first.first);
  EXPECT_EQ(run_scenario(7).digest, first.first) << "whether it is traced or not";
}

// The trace tells the scenario's own events beside those of the network.
TEST(Scenario, TracesCallsAndPushesAndBytes) {
  std::string trace;
  const auto collect = [&](std::string_view line) { trace.append(line).append("\n"); };
  const Outcome outcome = run_scenario(17, collect);
  EXPECT_TRUE(outcome.violations.empty()) << "a sink's own memory is not the scenario's";
  for (const char* part : {" ms  client a  link ", " sends bytes ", " receives bytes ", " begins, ",
                           " /echo", " replied", " push ", " starts ", "call.deadline"}) {
    EXPECT_NE(trace.find(part), std::string::npos) << part;
  }
}

TEST(EntranceScenario, IsTheSameRunForTheSameSeed) {
  const EntranceOutcome first = run_entrance_scenario(7);
  EXPECT_EQ(run_entrance_scenario(7).digest, first.digest);
  EXPECT_NE(run_entrance_scenario(8).digest, first.digest);
}

TEST(EntranceScenario, LeadsManyToEachDoorAndSomeToNone) {
  EntranceOutcome sum;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const EntranceOutcome outcome = run_entrance_scenario(seed);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed;
    sum.accepted += outcome.accepted;
    sum.rpc += outcome.rpc;
    sum.http += outcome.http;
  }
  EXPECT_GT(sum.accepted, 300U);
  EXPECT_GT(sum.rpc, 50U);
  EXPECT_GT(sum.http, 50U);
  EXPECT_LT(sum.rpc + sum.http, sum.accepted * 9 / 10);
}

TEST(LinkScenario, IsTheSameRunForTheSameSeed) {
  for (std::uint64_t seed : {1U, 2U, 3U}) {
    const LinkOutcome one = run_link_scenario(seed);
    const LinkOutcome two = run_link_scenario(seed);
    EXPECT_EQ(one.digest, two.digest) << "seed " << seed;
    EXPECT_EQ(one.calls, two.calls);
  }
}

TEST(LinkScenario, LetsServersComeAndGoAndMostCallsSucceed) {
  LinkOutcome sum;
  int quiet = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const LinkOutcome outcome = run_link_scenario(seed);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed;
    sum.calls += outcome.calls;
    sum.replies += outcome.replies;
    sum.lives += outcome.lives;
    quiet += outcome.quiet ? 1 : 0;
  }
  EXPECT_GT(sum.calls, 3000U);
  EXPECT_GT(sum.replies, sum.calls / 4);
  EXPECT_GT(sum.lives, 100U);
  EXPECT_GE(quiet, 3);
}

// A simulation in which nothing works would find nothing.
TEST(Scenario, LetsMostCallsSucceed) {
  std::uint64_t calls = 0;
  std::uint64_t replies = 0;
  std::uint64_t pushes = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome outcome = run_scenario(seed);
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed;
    calls += outcome.calls;
    replies += outcome.replies;
    pushes += outcome.pushes;
  }
  EXPECT_GT(calls, 1000U);
  EXPECT_GT(replies, calls / 4);  // sessions of a quarter of the seeds have an age, and drain
  EXPECT_GT(pushes, 200U);
}

}  // namespace
}  // namespace fairlead::simulation
