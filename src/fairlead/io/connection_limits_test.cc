#include "fairlead/io/connection_limits.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;
using Verdict = ConnectionLimits::Verdict;

constexpr int kLowDescriptor = 3;

// Connections of a process, by their addresses.
class ConnectionLimitsTest : public ::testing::Test {
 protected:
  ConnectionLimits& limits(const ConnectionLimitOptions& options) {
    return made.emplace(options, bounds.get());
  }
  Verdict come(const std::string& host, int descriptor = kLowDescriptor) {
    auto admitted = made->admit(Address::parse(host).value(), descriptor, now);
    passes.push_back(std::move(admitted.pass));
    return admitted.verdict;
  }

  observe::Registry registry;
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  Time now{1h};
  std::optional<ConnectionLimits> made;
  std::vector<ConnectionPass> passes;  // dies before what it counts in
};

TEST_F(ConnectionLimitsTest, AConnectionCountsUntilItsPassEnds) {
  limits({.connections_max = 10});
  come("192.0.2.1:1");
  come("192.0.2.1:2");
  EXPECT_EQ(made->connections(), 2U);

  passes.pop_back();
  EXPECT_EQ(made->connections(), 1U);
  passes.clear();
  EXPECT_EQ(made->connections(), 0U);
  EXPECT_EQ(made->addresses(), 0U) << "an address without connections is forgotten";
}

TEST_F(ConnectionLimitsTest, UpToATenthMoreAreToldAndTheOthersClosed) {
  limits({.connections_max = 20});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(come("127.0.0.1:1"), Verdict::kWelcome);

  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kOver);
  EXPECT_EQ(made->wait_before_accept(now, true), 0s);
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kOver);
  EXPECT_EQ(made->wait_before_accept(now, true), ConnectionLimits::kPause) << "22 of 20";
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kFarOver) << "another core had begun to accept it";
  EXPECT_EQ(bounds->hits(observe::Bound::kConnections), 3U);

  passes.resize(19);
  EXPECT_EQ(made->wait_before_accept(now, true), 0s);
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kWelcome);
}

TEST_F(ConnectionLimitsTest, EachAddressHasItsOwnShare) {
  limits({.connections_max = 1000, .ip_connections_max = 10});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(come("192.0.2.1:1"), Verdict::kWelcome);

  EXPECT_EQ(come("192.0.2.1:1"), Verdict::kOver);
  EXPECT_EQ(come("192.0.2.1:1"), Verdict::kFarOver);
  EXPECT_EQ(come("[::ffff:192.0.2.1]:1"), Verdict::kFarOver) << "the same, inside IPv6";
  EXPECT_EQ(come("192.0.2.2:1"), Verdict::kWelcome);
  EXPECT_EQ(bounds->hits(observe::Bound::kIpConnections), 3U);
}

TEST_F(ConnectionLimitsTest, AnIpv6ClientIsItsNet) {
  limits({.connections_max = 1000, .ip_connections_max = 1});
  EXPECT_EQ(come("[2001:db8:0:1::1]:1"), Verdict::kWelcome);

  EXPECT_EQ(come("[2001:db8:0:1:ffff::2]:1"), Verdict::kOver);
  EXPECT_EQ(come("[2001:db8:0:2::1]:1"), Verdict::kWelcome);
  EXPECT_EQ(made->addresses(), 2U);
}

TEST_F(ConnectionLimitsTest, WhoIsTrustedHasNoShareOfItsOwn) {
  limits({.connections_max = 1000,
          .ip_connections_max = 1,
          .trusted_nets = {AddressRange::parse("10.0.0.0/8").value(),
                           AddressRange::parse("fd00::/8").value()}});
  for (const char* host : {"10.1.2.3:1", "[fd00::1]:1", "127.0.0.9:1", "[::1]:1", "unix:a"}) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(come(host), Verdict::kWelcome) << host;
  }
  EXPECT_EQ(made->addresses(), 0U);
}

TEST_F(ConnectionLimitsTest, LoopbackMayBeLimitedToo) {
  limits({.connections_max = 1000, .ip_connections_max = 1, .loopback_trusted = false});
  for (const char* host : {"127.0.0.9:1", "[::1]:1"}) {
    EXPECT_EQ(come(host), Verdict::kWelcome) << host;
    EXPECT_EQ(come(host), Verdict::kOver) << host;
  }
}

TEST_F(ConnectionLimitsTest, TooManyInASecondWaitInTheBacklog) {
  limits({.connections_max = 1000, .accepts_per_second_max = 100});
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(made->wait_before_accept(now, true), 0s) << i;
    come("127.0.0.1:1");
  }

  EXPECT_EQ(made->wait_before_accept(now, true), 10ms);
  EXPECT_EQ(made->wait_before_accept(now, false), 0s) << "a Unix socket's backlog would refuse";
  EXPECT_EQ(bounds->hits(observe::Bound::kAccepts), 1U);

  now += 10ms;
  EXPECT_EQ(made->wait_before_accept(now, true), 0s);
  come("127.0.0.1:1");
  EXPECT_GT(made->wait_before_accept(now, true), 0s);
}

TEST_F(ConnectionLimitsTest, KeepsATenthOfTheDescriptorsForOtherThings) {
  limits({.connections_max = 1000});
  EXPECT_EQ(come("127.0.0.1:1", 1'000'000'000), Verdict::kFarOver);
  EXPECT_EQ(bounds->hits(observe::Bound::kDescriptors), 1U);
}

TEST_F(ConnectionLimitsTest, NewLimitsCountForWhoComesNext) {
  limits({.connections_max = 1});
  come("127.0.0.1:1");
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kOver);

  ASSERT_TRUE(made->update({.connections_max = 100}).ok());
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kWelcome);
  ASSERT_TRUE(made->update({.connections_max = 2}).ok());
  EXPECT_EQ(made->connections(), 3U) << "nobody is closed";
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kFarOver);
}

TEST_F(ConnectionLimitsTest, RefusesAllWhileMemoryIsShort) {
  limits({.connections_max = 100});
  made->refuse_for_memory(1U << 30U);
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kOver);
  EXPECT_EQ(bounds->hits(observe::Bound::kMemory), 1U);

  made->refuse_for_memory(0);
  EXPECT_EQ(come("127.0.0.1:1"), Verdict::kWelcome);
}

TEST_F(ConnectionLimitsTest, WithoutANumberItIsEightyPerCentOfTheDescriptors) {
  limits({});
  EXPECT_GT(made->connections_max(), 100U);
}

TEST_F(ConnectionLimitsTest, RefusesOptionsThatAreNone) {
  EXPECT_TRUE(ConnectionLimitOptions().validate().ok());
  EXPECT_EQ(ConnectionLimitOptions{.connections_max = 10'000'001}.validate().reason(),
            "limits.bad_option");
  EXPECT_EQ(ConnectionLimitOptions{.accepts_per_second_max = 1'000'001}.validate().reason(),
            "limits.bad_option");
}

}  // namespace
}  // namespace fairlead::io
