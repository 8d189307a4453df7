// Options that change while sessions are open.
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/bad_peer.h"
#include "tests/testkit/pass_time.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// ---- limits: two peers on one core

class PeerUpdate : public testkit::TwoPeers {
 protected:
  void SetUp() override {
    serve(wire::Kind::kCall, "/echo", echo);
    serve(wire::Kind::kCall, "/metadata", [](Context& context) {
      context.reply_with('s', Bytes(context.metadata_text()));
      return Status();
    });
  }
  void start(PeerOptions options) {
    options.hello = true;
    listen(options);
    ASSERT_TRUE(dial().ok());
    ASSERT_TRUE(call({.method = "/echo"}, "").ok());
  }
  static Task<std::pair<Status, Status>> two_calls(Session* on) {
    RawCall first;
    RawCall second;
    on->start_call(first, {.method = "/echo"}, Deadline(), CancelToken(), Bytes());
    on->start_call(second, {.method = "/echo"}, Deadline(), CancelToken(), Bytes());
    const Result<Reply> of_second = co_await second;
    const Result<Reply> of_first = co_await first;
    co_return std::pair(of_first.status(), of_second.status());
  }
  Result<std::string> metadata_of(Deadline deadline) {
    Result<Reply> reply =
        core->run(session->call("/metadata", 's', Bytes(), {}, deadline, CancelToken()));
    if (!reply.ok()) return reply.status();
    return std::string(reply->body.view());
  }
};

TEST_F(PeerUpdate, CountsForSessionsThatAreOpen) {
  start({.limits = {.frame_bytes_max = 1000}});
  ASSERT_EQ(call({.method = "/echo"}, std::string(2000, 'x')).status().reason(), "frame.too_big");
  PeerOptions more = client->options();
  more.limits.frame_bytes_max = 10'000;

  client->update(more);
  server->update(more);

  EXPECT_TRUE(call({.method = "/echo"}, std::string(2000, 'x')).ok());
}

TEST_F(PeerUpdate, LowersTheLimitOfCallsUnderWay) {
  start({});
  PeerOptions fewer = client->options();
  fewer.inflight_calls_max = 1;
  client->update(fewer);

  const auto [first, second] = core->run(two_calls(session));

  EXPECT_TRUE(first.ok()) << first;
  EXPECT_EQ(second.reason(), "session.inflight");
}

TEST_F(PeerUpdate, TellsThePeerOfADefaultTimeThatTheHelloDidNotSay) {
  start({.call_timeout = 3s});
  ASSERT_EQ(metadata_of({}).value(), "");
  PeerOptions longer = client->options();
  longer.call_timeout = 7s;

  client->update(longer);

  EXPECT_THAT(metadata_of({}).value(), ::testing::MatchesRegex("X-Fl-Timeout=(7000|6999)"));
  const std::string told = metadata_of(core->deadline_after(3s)).value();
  EXPECT_TRUE(told.empty() || told == "X-Fl-Timeout=2999") << told;
  client->update(server->options());
  EXPECT_EQ(metadata_of({}).value(), "") << "as the hello said";
}

class PeerUpdateOfAProgram : public PeerUpdate {
 protected:
  class Watcher final : public SessionWatcher {
    void on_open(Session&) override {}
    void on_end(Session&, const Status&) override {}
  };

  const std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  observe::Transitions transitions;
  const wire::TransformSet transforms;
  const SecureBodies secure{{}};
  const PluginChain plugins;
  Watcher watcher;
  DuplicateWindows windows;
  Peer beside{*core, server_router, {}};
};

TEST_F(PeerUpdateOfAProgram, LeavesWhatBelongsToTheProgram) {
  start({.transforms = &transforms,
         .secure = &secure,
         .plugins = &plugins,
         .watcher = &watcher,
         .windows = &windows,
         .handlers_with = &beside,
         .bounds = bounds.get(),
         .transitions = &transitions});

  server->update({.call_timeout = 9s});

  const PeerOptions& now = server->options();
  EXPECT_TRUE(now.hello);
  EXPECT_EQ(now.transforms, &transforms);
  EXPECT_EQ(now.secure, &secure);
  EXPECT_EQ(now.plugins, &plugins);
  EXPECT_EQ(now.watcher, &watcher);
  EXPECT_EQ(now.windows, &windows);
  EXPECT_EQ(now.handlers_with, &beside);
  EXPECT_EQ(now.bounds, bounds.get());
  EXPECT_EQ(now.transitions, &transitions);
  EXPECT_EQ(now.call_timeout, 9s);
}

// ---- heartbeats: a server that asks a stranger, on virtual time

class PeerUpdateOfHeartbeats : public ::testing::Test {
 protected:
  void start(const PeerOptions& options) {
    ASSERT_TRUE(options.validate().ok());
    server.emplace(near, router, options);
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                             server->accept(std::move(stream));
                           })
                   .value();
    for (int i = 0; i < 20; ++i) {
      strangers.push_back(std::make_unique<test::Stranger>(
          far, far.run(far.connect(listener->local(), Deadline(), {})).value()));
    }
    pass(10ms);
  }
  void TearDown() override {
    strangers.clear();
    (void)near.run(server->close(near.deadline_after(1s)));
    listener.reset();
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  void update(const PeerOptions& options) {
    near.post([this, options] { server->update(options); });
  }
  // The rates that heartbeats said which came since the last time; every one is answered.
  std::vector<std::string> beats() {
    std::vector<std::string> rates;
    for (const auto& stranger : strangers) {
      for (const test::Told& told : stranger->hear(transforms)) {
        rates.push_back(told.metadata);
        stranger->send(test::frame({.seq = std::to_string(told.seq), .kind = 2, .method = ""}));
      }
    }
    return rates;
  }

  io::Simulation network{1, {}};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("strangers");
  Router router;
  wire::TransformSet transforms;
  std::optional<Peer> server;
  std::unique_ptr<io::Listener> listener;
  std::vector<std::unique_ptr<test::Stranger>> strangers;
};

TEST_F(PeerUpdateOfHeartbeats, BeginsThemOnLinksThatHadNone) {
  start({});
  pass(1min);
  ASSERT_TRUE(beats().empty());

  update({.heartbeat = {.mode = HeartbeatMode::kPingPong, .interval = 10s}});
  pass(1100ms);

  EXPECT_EQ(beats().size(), strangers.size()) << "silent for longer than the interval";
}

TEST_F(PeerUpdateOfHeartbeats, DoesNotMakeAllLinksAskAtOnce) {
  start({});
  pass(1min);
  update({.heartbeat = {.mode = HeartbeatMode::kPingPong, .interval = 10s}});

  int moments = 0;
  for (int i = 0; i < 110; ++i) {
    pass(10ms);
    if (!beats().empty()) ++moments;
  }

  EXPECT_GT(moments, 10);
}

TEST_F(PeerUpdateOfHeartbeats, EndsThem) {
  start({.heartbeat = kUsualHeartbeat});
  pass(20s);
  ASSERT_FALSE(beats().empty());
  pass(1s);

  update({});
  pass(5min);

  EXPECT_TRUE(beats().empty());
  EXPECT_EQ(server->session_count(), strangers.size());
}

TEST_F(PeerUpdateOfHeartbeats, TellsPlainPeersThatTheyComeLessOften) {
  start({.heartbeat = {.mode = HeartbeatMode::kPingPong, .interval = 10s}});
  pass(12s);
  const std::vector<std::string> promised = beats();
  ASSERT_THAT(promised, ::testing::Each("hb_=11"));
  ASSERT_EQ(promised.size(), strangers.size());

  update({.heartbeat = {.mode = HeartbeatMode::kPingPong, .interval = 60s}});
  pass(4s);  // a second, and the least time between two heartbeats

  EXPECT_THAT(beats(),
              ::testing::AllOf(::testing::Each("hb_=66"), ::testing::SizeIs(strangers.size())));
}

}  // namespace
}  // namespace fairlead::rpc
