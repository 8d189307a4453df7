// Heartbeats of ours, and what a silent peer costs: on virtual time, and once over TCP.
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/session_liveness_fixture.h"
#include "fairlead/rpc/websocket_stream.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::Stranger;
using test::Told;

// ---- towards a peer that said no hello

TEST_F(SessionLiveness, APingToAPlainPeerIsWhatErpcSends) {
  PeerOptions options = usual();
  options.heartbeat.interval = 2s;
  serve(options);
  Stranger& stranger = visit();
  pass(2500ms);

  const std::string golden = std::string("\0\0\0\x23\0\x01", 6) + "1\x01\x0a/heartbeat" +
                             std::string("\0\x06", 2) + "code=0" + std::string("\0\x05", 2) +
                             "hb_=3j";
  EXPECT_EQ(stranger.received(), golden);
}

TEST_F(SessionLiveness, APlainPeerThatAnswers404Lives) {
  serve(usual());
  Stranger& stranger = visit();
  const int pings = answer(stranger, 1h);

  EXPECT_FALSE(stranger.closed());
  EXPECT_GE(pings, 3600 / 17);
  EXPECT_LE(pings, 3600 / 13);
  EXPECT_EQ(metrics().heartbeats_sent.value(), static_cast<std::uint64_t>(pings));
  EXPECT_EQ(metrics().heartbeats_missed.value(), 0U);
  EXPECT_EQ(metrics().link_rtt.snapshot().count, static_cast<std::uint64_t>(pings));
  EXPECT_EQ(accepted->health().state, LinkState::kAlive);
  EXPECT_GT(accepted->health().rtt, 0s);
  EXPECT_EQ(metrics().calls_sent.value(), 0U);
}

TEST_F(SessionLiveness, OneThatAnswersNothingIsSuspectedAndClosed) {
  serve(usual());
  Stranger& stranger = visit();
  EXPECT_EQ(links(LinkState::kAlive), 1);
  pass(22s);
  EXPECT_EQ(links(LinkState::kAlive), 0);
  EXPECT_EQ(links(LinkState::kSuspect), 1);
  EXPECT_EQ(accepted->health().state, LinkState::kSuspect);
  EXPECT_EQ(accepted->health().missed, 1U);
  pass(11s);

  ASSERT_TRUE(closed.has_value());
  EXPECT_TRUE(stranger.closed());
  EXPECT_GE(*closed - began, 28s);
  EXPECT_LE(*closed - began, 32s);
  EXPECT_EQ(why.reason(), "session.silent");
  EXPECT_EQ(metrics().heartbeats_sent.value(), 3U);
  EXPECT_EQ(metrics().heartbeats_missed.value(), 3U);
  EXPECT_EQ(ends(LinkEnd::kHeartbeat), 1U);
  EXPECT_EQ(links(LinkState::kSuspect), 0);
}

TEST_F(SessionLiveness, AnyByteIsLife) {
  PeerOptions options = usual();
  options.guards = {.frame_time_max = 24h, .frame_rate_min = 0};  // else it would be too slow
  serve(options);
  Stranger& stranger = visit();
  const std::string half = frame({.body = std::string(100, 'x')});
  for (int i = 0; i < 100; ++i) {  // one byte of a frame, just before it would be given up
    pass(25s);
    stranger.send(half.substr(static_cast<std::size_t>(i), 1));
  }

  EXPECT_FALSE(stranger.closed());
}

TEST_F(SessionLiveness, ABusyLinkSendsNoHeartbeats) {
  ASSERT_TRUE(
      server_router.add(wire::Kind::kCall, "/echo", make_handler([](Context&) { return Status(); }))
          .ok());
  serve(usual());
  Stranger& stranger = visit();
  for (int i = 0; i < 100; ++i) {
    stranger.send(frame({}));
    pass(10s);
    for (const Told& told : stranger.hear(transforms)) EXPECT_EQ(told.kind, wire::Kind::kReply);
  }

  EXPECT_EQ(metrics().heartbeats_sent.value(), 0U);
}

TEST_F(SessionLiveness, CallsThatWaitAreToldWhetherTheyWereSent) {
  serve(usual());
  Stranger& stranger = visit();
  stranger.stream().pause();
  ask("/small", 1, &results[0]);
  ask("/large", 1U << 20, &results[1]);
  ask("/behind", 1, &results[2]);
  pass(40s);

  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(results[0].code(), Code::kConnectionClosed);
  EXPECT_EQ(results[1].code(), Code::kWriteFailed) << "a part of it";
  EXPECT_EQ(results[1].reason(), "session.cut_message");
  EXPECT_EQ(results[2].code(), Code::kConnectionClosed);
  for (const Status& result : results) {
    ASSERT_NE(result.cause(), nullptr);
    EXPECT_EQ(*result.cause(), "session.silent");
  }
  EXPECT_EQ(results[0].outcome(), Outcome::kUnknown);
  EXPECT_EQ(results[1].outcome(), Outcome::kUnknown);
  EXPECT_EQ(results[2].outcome(), Outcome::kNotSent);
}

TEST_F(SessionLiveness, ACallThatWaitsFindsADeadPeerSooner) {
  serve(usual());
  Stranger& stranger = visit();
  pass(5s);
  ask("/ask", 1, &results[0]);
  pass(2900ms);
  EXPECT_EQ(stranger.hear(transforms).size(), 1U) << "the call";
  pass(200ms);
  EXPECT_EQ(stranger.hear(transforms).size(), 1U) << "the probe";
  pass(14s);
  EXPECT_FALSE(closed.has_value());
  pass(2s);

  ASSERT_TRUE(closed.has_value());
  EXPECT_LE(*closed - began, 5s + 18s + 100ms);
  EXPECT_EQ(results[0].code(), Code::kConnectionClosed);
}

TEST_F(SessionLiveness, TheNextCallIsWatchedAsTheFirstWas) {
  serve(usual());
  Stranger& stranger = visit();
  for (std::size_t i = 0; i < 3; ++i) {
    ask("/ask", 1, &results[i]);
    pass(1s);
    const std::vector<Told> asked = stranger.hear(transforms);
    ASSERT_EQ(asked.size(), 1U) << i;
    pass(2500ms);
    const std::vector<Told> probe = stranger.hear(transforms);
    ASSERT_EQ(probe.size(), 1U) << i;
    EXPECT_EQ(probe[0].method, "/heartbeat");
    stranger.send(not_found(probe[0].seq) + not_found(asked[0].seq));
    pass(5s);
    EXPECT_EQ(results[i].code(), Code::kNotFound);
    EXPECT_TRUE(stranger.hear(transforms).empty());
  }
}

TEST_F(SessionLiveness, NobodyIsAskedBeforeTheLoginHasEnded) {
  ASSERT_TRUE(server_router.set_login(make_handler([](Context&) { return Status(); })).ok());
  PeerOptions options = usual();
  options.login_timeout = 10min;
  serve(options);
  Stranger& stranger = visit();
  pass(5min);
  EXPECT_TRUE(stranger.hear(transforms).empty());
  EXPECT_FALSE(stranger.closed());

  stranger.send(frame({.kind = 4, .method = ""}));
  pass(1s);
  EXPECT_EQ(stranger.hear(transforms).size(), 1U) << "the login's answer";
  pass(17s);
  EXPECT_EQ(stranger.hear(transforms).size(), 1U);
}

TEST_F(SessionLiveness, OverThriftWhereItMightCostTheLinkNobodyIsAsked) {
  serve({.heartbeat = kUsualHeartbeat}, wire::find_protocol("thrift-binary"));
  Stranger& stranger = visit();
  pass(1h);

  EXPECT_TRUE(stranger.received().empty());
  EXPECT_FALSE(stranger.closed());
}

TEST_F(SessionLiveness, OverWebSocketItsOwnPingsDoIt) {
  struct Socket final : MessageSocket {
    explicit Socket(int& count) : sent(count) {}
    Status send(std::string_view) override {
      ++sent;
      return {};
    }
    void close(std::uint16_t) override { ++sent; }
    void abort(Status) override { ++sent; }
    void pause() override {}
    void resume() override {}
    std::size_t unsent_bytes() const override { return 0; }
    std::size_t untaken_bytes() const override { return 0; }
    io::Address peer() const override { return io::Address::loopback(7); }
    int& sent;
  };
  int sent = 0;
  serve(usual());
  auto made = std::make_unique<WebSocketStream>(near, std::make_unique<Socket>(sent), nullptr);
  WebSocketStream& stream = *made;
  server->accept(std::move(made));
  pass(1h);

  EXPECT_EQ(sent, 0) << "nor is it closed as idle";
  EXPECT_EQ(metrics().idle_events[static_cast<std::size_t>(IdleEvent::Kind::kBoth)].value(), 1U);
  stream.on_close(Status());
}

TEST_F(SessionLiveness, EveryProtocolThatAnswersUnknownMethodsIsAsked) {
  for (const char* name : {"raw", "json", "pb"}) {
    SCOPED_TRACE(name);
    serve(usual(), wire::find_protocol(name));
    const std::uint64_t before = metrics().heartbeats_sent.value();
    join(PeerOptions{}, wire::find_protocol(name));
    pass(1min);

    EXPECT_NE(session, nullptr);
    EXPECT_GE(metrics().heartbeats_sent.value() - before, 3U);
    EXPECT_LE(metrics().heartbeats_sent.value() - before, 5U) << "the answers are read";
    EXPECT_EQ(metrics().heartbeats_missed.value(), 0U);
    EXPECT_EQ(client->metrics().calls_received.value(), 0U);
    TearDown();
    server.reset();
    client.reset();
  }
}

// Our own heartbeat is a CALL in the table, but no call that waits.
TEST_F(SessionLiveness, ACallRightAfterAHeartbeatOfOursIsWatchedToo) {
  serve(usual());
  Stranger& stranger = visit();
  ASSERT_EQ(answer(stranger, 17s), 1);
  ask("/ask", 1, &results[0]);
  pass(3100ms);

  EXPECT_EQ(stranger.hear(transforms).size(), 2U) << "the call, and the probe";
}

// A heartbeat of the other side moves the timer, and calls are still seen.
TEST_F(SessionLiveness, ACallAfterAHeartbeatOfTheirsIsWatchedToo) {
  serve(usual());
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/heartbeat", .metadata = "hb_=5", .codec = 'j', .body = ""}));
  pass(1s);
  ask("/ask", 1, &results[0]);
  pass(3100ms);

  const std::vector<Told> heard = stranger.hear(transforms);
  ASSERT_EQ(heard.size(), 3U) << "the answer, the call, and the probe";
  EXPECT_EQ(heard[2].method, "/heartbeat");
}

TEST_F(SessionLiveness, HeartbeatsAreAnsweredWhileThisSideGoesAway) {
  const auto wait = [](Context& context) -> Task<Status> {
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(500s));
    co_return slept;
  };
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/wait", make_handler(wait)).ok());
  serve({.request_time_max = 0s, .session_age = 10s});
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/wait", .metadata = "X-Fl-Timeout=600000"}));
  pass(60s);
  stranger.send(frame({.seq = "2", .method = "/wait"}));
  stranger.send(frame({.seq = "3", .method = "/heartbeat", .metadata = "hb_=60"}));
  pass(1s);

  const std::vector<Told> heard = stranger.hear(transforms);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].status.reason(), "session.going_away");
  EXPECT_TRUE(heard[1].status.ok());
}

TEST_F(SessionLiveness, HeartbeatsPassNeitherPluginsNorTheRuleThatBodiesAreSecure) {
  struct Reads final : Plugin {
    explicit Reads(int& count) : Plugin("reads"), seen(count) {}
    Status pre_read_header(Session&, const wire::MessageView&) override {
      ++seen;
      return {};
    }
    int& seen;
  };
  int seen = 0;
  PluginChain plugins;
  ASSERT_TRUE(plugins.add(std::make_shared<Reads>(seen)).ok());
  const SecureBodies secure(SecureKeys{}, true);
  serve({.secure = &secure, .plugins = &plugins});
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/heartbeat", .metadata = "hb_=5", .codec = 'j', .body = ""}));
  stranger.send(frame({.kind = 3, .method = "/heartbeat", .metadata = "hb_=5"}));
  stranger.send(frame({.method = "/heartbeat/not"}));
  pass(1s);

  const std::vector<Told> heard = stranger.hear(transforms);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_TRUE(heard[0].status.ok());
  EXPECT_EQ(heard[1].status.reason(), "secure.required");
  EXPECT_EQ(seen, 1);
}

// ---- between two of ours

TEST_F(SessionLiveness, AfterAHelloHeartbeatsArePairsOfPushes) {
  serve(with_hello());
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/_fl/hello", .metadata = "version=1&features=heartbeat"}));
  pass(1s);
  const std::vector<Told> hello = stranger.hear(transforms);
  ASSERT_EQ(hello.size(), 1U);
  EXPECT_NE(hello[0].metadata.find("heartbeat_min=3000"), std::string::npos);
  EXPECT_NE(hello[0].metadata.find("%2Cheartbeat"), std::string::npos) << hello[0].metadata;

  pass(17s);
  const std::vector<Told> asked = stranger.hear(transforms);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].kind, wire::Kind::kPush);
  EXPECT_EQ(asked[0].method, "/heartbeat");
  EXPECT_EQ(asked[0].metadata, "hb_=17&ping=1");
  stranger.send(frame({.kind = 3, .method = "/heartbeat", .metadata = "pong=1&min=60000"}));
  stranger.send(frame({.kind = 3, .method = "/heartbeat", .metadata = "hb_=17&ping=77"}));
  pass(1s);
  const std::vector<Told> answered = stranger.hear(transforms);
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].metadata, "pong=77&min=3000");
  EXPECT_EQ(metrics().link_rtt.snapshot().count, 1U);

  pass(50s);
  EXPECT_TRUE(stranger.hear(transforms).empty()) << "it asked for a minute";
  pass(12s);
  EXPECT_FALSE(stranger.hear(transforms).empty());
}

TEST_F(SessionLiveness, TooManyPingsOfOneThatSaidHelloAreToldAsTheReason) {
  serve({.hello = true});
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/_fl/hello", .metadata = "version=1&features=heartbeat,goaway"}));
  std::vector<Told> last;
  for (int i = 0; i < 400 && !stranger.closed(); ++i) {
    stranger.send(frame({.kind = 3, .method = "/heartbeat", .metadata = "hb_=3&ping=1"}));
    pass(200ms);
    const std::vector<Told> heard = stranger.hear(transforms);
    if (!heard.empty()) last = heard;
  }

  ASSERT_TRUE(stranger.closed());
  ASSERT_FALSE(last.empty());
  EXPECT_EQ(last.back().method, "/_fl/goaway");
  EXPECT_EQ(last.back().metadata, "reason=too_many_pings");
}

TEST_F(SessionLiveness, AnIdleLinkOfTwoOfOursStays) {
  serve(with_hello());
  join(with_hello());
  pass(10h);

  ASSERT_NE(session, nullptr);
  ASSERT_NE(accepted, nullptr);
  const std::uint64_t pings =
      metrics().heartbeats_sent.value() + client->metrics().heartbeats_sent.value();
  EXPECT_LE(pings, 36000U / 13) << "whoever asks first answers for both";
  EXPECT_GE(pings, 36000U / 17);
  EXPECT_EQ(metrics().heartbeats_missed.value(), 0U);
  for (const Peer* peer : {&*server, &*client}) {
    EXPECT_EQ(peer->metrics().calls_received.value(), 0U);
    EXPECT_EQ(peer->metrics().pushes_received.value(), 0U);
    EXPECT_EQ(peer->metrics().pushes_failed.value(), 0U);
  }
  EXPECT_GT(session->health().rtt + accepted->health().rtt, 0s);
}

TEST_F(SessionLiveness, ThePeersMinimumIsTold) {
  PeerOptions slow = with_hello();
  slow.heartbeat.interval_min = 60s;
  slow.heartbeat.interval = 10min;
  slow.idle = {};
  serve(slow);
  PeerOptions options = with_hello();
  options.idle = {};
  join(options);
  pass(50s);
  EXPECT_EQ(client->metrics().heartbeats_sent.value(), 0U) << "by the hello already";
  pass(1h);

  EXPECT_NE(session, nullptr);
  EXPECT_LE(client->metrics().heartbeats_sent.value(), 60U);
  EXPECT_GE(client->metrics().heartbeats_sent.value(), 50U);
}

TEST_F(SessionLiveness, ARouteOfTheUsersOwnIsCalledInstead) {
  int served = 0;
  ASSERT_TRUE(server_router
                  .add(wire::Kind::kCall, "/heartbeat", make_handler([&served](Context& context) {
                         ++served;
                         EXPECT_EQ(context.meta("hb_"), "17");
                         return Status();
                       }))
                  .ok());
  serve(with_hello());
  join(with_hello());
  pass(2min);

  EXPECT_GE(served, 1);
  EXPECT_NE(session, nullptr);
  EXPECT_EQ(client->metrics().heartbeats_missed.value(), 0U);
}

TEST_F(SessionLiveness, InPingPingBothTellAndNobodyAnswers) {
  PeerOptions options = with_hello();
  options.heartbeat.mode = HeartbeatMode::kPingPing;
  serve(options);
  join(options);
  pass(10h);

  EXPECT_NE(session, nullptr);
  EXPECT_NE(accepted, nullptr);
  EXPECT_EQ(links(LinkState::kAlive), 1);
  EXPECT_EQ(metrics().heartbeats_missed.value(), 0U);
  EXPECT_EQ(metrics().link_rtt.snapshot().count, 0U);
}

TEST_F(SessionLiveness, InPingPingAPeerThatFallsSilentIsDeadAfterThreeIntervals) {
  PeerOptions options = with_hello();
  options.heartbeat.mode = HeartbeatMode::kPingPing;
  PeerOptions silent = options;
  silent.heartbeat.mode = HeartbeatMode::kOff;
  serve(options);
  join(silent);
  pass(46s);

  ASSERT_TRUE(closed.has_value());
  EXPECT_GE(*closed - began, 44s);
  EXPECT_EQ(ends(LinkEnd::kHeartbeat), 1U);
}

TEST_F(SessionLiveness, APingWaitsForAReplyThatIsBeingWritten) {
  const auto slowly = [](Context& context) -> Task<Status> {
    if (Buffer* out = context.begin_reply('s')) out->append("whole");
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(20s));
    co_return slept;
  };
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/slowly", make_handler(slowly)).ok());
  serve(usual());
  Stranger& stranger = visit();
  stranger.send(frame({.method = "/slowly"}));
  pass(19s);
  EXPECT_TRUE(stranger.received().empty());
  pass(2s);

  const std::vector<Told> heard = stranger.hear(transforms);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].body, "whole");
  EXPECT_EQ(heard[1].method, "/heartbeat");
}

// ---- over TCP

class SilentOverTcp : public testkit::TwoPeers {};

// The peer is stopped, or its machine is gone: the connection stays open, and nothing comes.
TEST_F(SilentOverTcp, APeerThatAnswersNothingIsFoundAndItsCallsEnd) {
  listen({.heartbeat = {.mode = HeartbeatMode::kPingPong,
                        .interval = 40ms,
                        .timeout = 20ms,
                        .interval_min = 10ms}});
  const Time began = core->now();
  const auto silent = probe();
  turn_until([&] { return accepted != nullptr; });
  RawCall call;
  accepted->start_call(call, {.method = "/ask"}, core->deadline_after(1h), CancelToken(), Bytes());
  turn_until([&] { return silent->closed; });

  EXPECT_GE(core->now() - began, 90ms);
  EXPECT_FALSE(call.waiting());
  const Status ended = call.await_resume().status();
  EXPECT_EQ(ended.code(), Code::kConnectionClosed);
  EXPECT_EQ(ended.outcome(), Outcome::kUnknown);
  EXPECT_EQ(server->metrics().heartbeats_missed.value(), 3U);
}

TEST_F(SilentOverTcp, APeerOfOursLives) {
  const HeartbeatOptions quick{
      .mode = HeartbeatMode::kPingPong, .interval = 5ms, .timeout = 5s, .interval_min = 1ms};
  client_options = PeerOptions{.hello = true, .heartbeat = {.interval_min = 1ms}};
  listen({.hello = true, .heartbeat = quick});
  ASSERT_TRUE(dial().ok());
  turn_until([&] { return server->metrics().link_rtt.snapshot().count >= 5; });

  EXPECT_NE(session, nullptr);
  EXPECT_GT(accepted->health().rtt, 0s);
}

}  // namespace
}  // namespace fairlead::rpc
