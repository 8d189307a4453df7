#include "fairlead/rpc/plugins/overloader.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

Time at(Duration time) { return Time(time); }

TEST(TokenBucket, GivesTheBurstAtOnceAndThenTheRate) {
  TokenBucket bucket(10, 300ms);

  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(at(10s)), Duration::zero()) << i;
  EXPECT_EQ(bucket.take(at(10s)), 100ms);
  EXPECT_EQ(bucket.take(at(10s + 99ms)), 1ms);
  EXPECT_EQ(bucket.take(at(10s + 100ms)), Duration::zero());
  EXPECT_EQ(bucket.take(at(10s + 100ms)), 100ms);
}

TEST(TokenBucket, HoldsNoMoreThanItsBurst) {
  TokenBucket bucket(10, 200ms);
  EXPECT_EQ(bucket.take(at(1s)), Duration::zero());

  for (int i = 0; i < 2; ++i) EXPECT_EQ(bucket.take(at(1h)), Duration::zero()) << i;
  EXPECT_GT(bucket.take(at(1h)), Duration::zero());
}

TEST(TokenBucket, AlwaysGivesOne) {
  TokenBucket bucket(1, 1ms);

  EXPECT_EQ(bucket.take(at(5s)), Duration::zero());
  EXPECT_EQ(bucket.take(at(5s)), 1s);
}

class OverloaderTest : public SessionPlugins {
 protected:
  void limit(OverloaderOptions options) {
    options.burst = 1min;  // so that no time passes that matters
    overloader = Overloader::make(std::move(options), &registry).value();
    ASSERT_TRUE(at_server.add(overloader).ok());
    start();
    ASSERT_TRUE(dial().ok());
  }
  std::uint64_t refused(std::string_view limit) {
    return registry.counter({"fairlead_rpc_overload_refused_total", ""}, {{"limit", limit}})
        ->value();
  }
  std::shared_ptr<Overloader> overloader;
};

TEST_F(OverloaderTest, AMethodOverItsLimitIsRefusedAndOthersAreServed) {
  limit({.methods = {{"/echo", 1}}});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask("/echo").ok()) << i;

  const Result<Reply> reply = ask("/echo?x=1");

  EXPECT_EQ(reply.status().code(), Code::kOverloaded);
  EXPECT_EQ(reply.status().reason(), "overloader.method");
  EXPECT_NE(reply.status().message().find("/echo"), std::string_view::npos);
  EXPECT_TRUE(ask("/metadata").ok());
  EXPECT_EQ(refused("method"), 1U);
}

TEST_F(OverloaderTest, AllMethodsTogetherHaveALimit) {
  limit({.calls_per_second_max = 1});
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(ask("/echo").ok()) << i;
    ASSERT_TRUE(ask("/metadata").ok()) << i;
  }

  EXPECT_EQ(ask("/echo").status().reason(), "overloader.total");
  push("one too many");
  turn_until([&] { return failed_pushes() == 1; });
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(refused("total"), 2U);
}

TEST_F(OverloaderTest, TheCallerIsToldWhenToComeAgain) {
  limit({.calls_per_second_max = 1});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask("/echo").ok()) << i;
  std::unique_ptr<Probe> plain = probe();

  plain->send(frame({.seq = 7, .kind = wire::Kind::kCall, .method = "/echo"}));
  turn_until([&] { return !plain->received.empty(); });

  EXPECT_NE(plain->received.find("X-Fl-Retry-After="), std::string::npos);
}

TEST_F(OverloaderTest, NewLimitsCountFromTheNextMessageOn) {
  limit({.methods = {{"/echo", 1}}});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask("/echo").ok()) << i;
  ASSERT_FALSE(ask("/echo").ok());

  ASSERT_TRUE(overloader->update({}).ok());

  EXPECT_TRUE(ask("/echo").ok());
}

TEST_F(OverloaderTest, ConnectionsOverTheLimitAreClosedUntilOneEnds) {
  limit({.connections_max = 1});
  ASSERT_TRUE(ask("/echo").ok());
  Session* const first = session;

  ASSERT_TRUE(dial().ok());
  EXPECT_EQ(ask("/echo").status().reason(), "session.closed");
  turn_until([&] { return server->session_count() == 1; });
  EXPECT_EQ(refused("connections"), 1U);
  ASSERT_TRUE(core->run(first->close(core->deadline_after(1s))).ok());
  turn_until([&] { return overloader->connections() == 0; });

  ASSERT_TRUE(dial().ok());
  EXPECT_TRUE(ask("/echo").ok());
}

TEST(OverloaderLimits, AreChecked) {
  EXPECT_EQ(Overloader::make({.burst = 0ms}).status().reason(), "overloader.bad_option");
  EXPECT_EQ(Overloader::make({.burst = 2min}).status().reason(), "overloader.bad_option");
}

TEST(OverloaderLimits, MayChangeOnlySoOften) {
  const auto overloader = Overloader::make({}).value();
  for (std::size_t i = 1; i < Overloader::kUpdatesMax; ++i) {
    ASSERT_TRUE(overloader->update({}).ok());
  }

  EXPECT_EQ(overloader->update({}).reason(), "overloader.updates");
}

}  // namespace
}  // namespace fairlead::rpc
