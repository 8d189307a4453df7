// A connection too many, as who opened it sees it.
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session_control.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class TurnedAwayTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (client.has_value()) (void)far.run(client->close(far.deadline_after(1s)));
    (void)near.run(server.close(near.deadline_after(1s)));
    listener.reset();
  }
  void dial(bool hello, std::optional<Login> login = {}) {
    client.emplace(far, client_router, PeerOptions{.hello = hello});
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> made) {
                             server.turn_away(std::move(made));
                           })
                   .value();
    auto dialling = client->dial(listener->local(), far.deadline_after(5s), CancelToken(),
                                 {.login = std::move(login)});
    Result<Session*> dialled = far.run(std::move(dialling));
    dial_status = dialled.status();
    session = dialled.value_or(nullptr);
    if (session == nullptr) return;
    session->on_closed([this](Session&, const Status&) { session = nullptr; });
    session->on_leaving([this](Session&) { told_to_leave = true; });
  }
  Status call(std::string method = "/echo") {
    auto calling = session->call(std::move(method), 's', Bytes(), {}, far.deadline_after(500ms));
    return far.run(std::move(calling)).status();
  }
  void serve_pushes() {
    ASSERT_TRUE(server_router
                    .add(wire::Kind::kPush, "/tell", make_handler([this](Context&) {
                           ++told;
                           return Status();
                         }))
                    .ok());
  }
  void push() { EXPECT_TRUE(session->push({.method = "/tell", .body_codec = 's'}, Bytes()).ok()); }
  void turn_until_closed() {
    const Deadline end = Deadline::after(network.now(), 20s);
    while (session != nullptr && !end.passed(network.now())) far.turn(end);
    ASSERT_EQ(session, nullptr);
  }

  io::Simulation network{1};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  observe::Registry registry;
  Metrics metrics = Metrics::make(registry).value();
  Router server_router;
  Router client_router;
  Peer server{near, server_router, {.hello = true}, metrics};
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
  Session* session = nullptr;
  Status dial_status;
  bool told_to_leave = false;
  int told = 0;  // by pushes, and by heartbeats
};

TEST_F(TurnedAwayTest, APeerOfOursHearsThatItShallGoAway) {
  dial(true);
  const Status called = call();

  EXPECT_EQ(called.code(), Code::kOverloaded);
  EXPECT_EQ(called.reason(), "session.conn_limit");
  EXPECT_EQ(called.outcome(), Outcome::kNotProcessed) << "it is safe to call elsewhere";
  turn_until_closed();
  EXPECT_TRUE(told_to_leave);
  EXPECT_EQ(metrics.links_closed[static_cast<std::size_t>(LinkEnd::kTurnedAway)].value(), 1U);
}

TEST_F(TurnedAwayTest, APlainPeerHearsItByItsFirstCall) {
  dial(false);
  const Status called = call();

  EXPECT_EQ(called.code(), Code::kOverloaded);
  EXPECT_EQ(called.reason(), "session.conn_limit");
  turn_until_closed();
}

TEST_F(TurnedAwayTest, WhoIsSilentIsClosedAfterASecond) {
  dial(false);
  const Time before = network.now();
  turn_until_closed();

  EXPECT_GE(network.now() - before, 900ms);
  EXPECT_LT(network.now() - before, 3s);
}

TEST_F(TurnedAwayTest, ALoginIsRefusedBeforeItIsLookedAt) {
  dial(false, Login{.body = "secret"});

  EXPECT_EQ(dial_status.code(), Code::kOverloaded);
  EXPECT_EQ(dial_status.reason(), "session.conn_limit");
}

TEST_F(TurnedAwayTest, NoHandlerRunsForWhatAPlainPeerPushes) {
  serve_pushes();
  dial(false);
  push();
  turn_until_closed();

  EXPECT_EQ(told, 0);
  EXPECT_EQ(metrics.pushes_received.value(), 1U);
  EXPECT_EQ(metrics.pushes_failed.value(), 1U);
}

TEST_F(TurnedAwayTest, NoHandlerRunsForWhatAPeerOfOursPushes) {
  serve_pushes();
  dial(true);
  push();
  turn_until_closed();

  EXPECT_EQ(told, 0);
  EXPECT_TRUE(told_to_leave);
}

TEST_F(TurnedAwayTest, AHeartbeatThatIsARouteIsACallLikeOthers) {
  ASSERT_TRUE(server_router
                  .add(wire::Kind::kCall, kHeartbeatMethod, make_handler([this](Context&) {
                         ++told;
                         return Status();
                       }))
                  .ok());
  // A peer looks at its routes when it is made.
  Peer other(near, server_router, {}, metrics);
  listener = near.listen(io::Address::loopback(0), {},
                         [&other](io::Core&, std::unique_ptr<io::Stream> made) {
                           other.turn_away(std::move(made));
                         })
                 .value();
  client.emplace(far, client_router, PeerOptions{.hello = false});
  session = far.run(client->dial(listener->local(), far.deadline_after(5s))).value();
  session->on_closed([this](Session&, const Status&) { session = nullptr; });

  EXPECT_EQ(call(std::string(kHeartbeatMethod)).reason(), "session.conn_limit");
  EXPECT_EQ(told, 0);
  turn_until_closed();
  (void)near.run(other.close(near.deadline_after(1s)));
}

TEST_F(TurnedAwayTest, NobodyElseHearsOfTheSession) {
  struct Watcher final : SessionWatcher {
    void on_open(Session&) override { ++opened; }
    void on_end(Session&, const Status&) override {}
    int opened = 0;
  } watcher;
  Peer watched(near, server_router, {.watcher = &watcher});
  listener = near.listen(io::Address::loopback(0), {},
                         [&](io::Core&, std::unique_ptr<io::Stream> made) {
                           watched.turn_away(std::move(made));
                         })
                 .value();
  client.emplace(far, client_router, PeerOptions{});
  session = far.run(client->dial(listener->local(), far.deadline_after(5s))).value();
  session->on_closed([this](Session&, const Status&) { session = nullptr; });
  turn_until_closed();

  EXPECT_EQ(watcher.opened, 0);
  (void)near.run(watched.close(near.deadline_after(1s)));
}

}  // namespace
}  // namespace fairlead::rpc
