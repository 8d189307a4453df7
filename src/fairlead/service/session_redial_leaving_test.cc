// Sessions that come back: from a peer that goes away, and from one that has become old.
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/service/session_redial_fixture.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Party;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// An upgrade: the next process is at the same address, and the old one waits for us to go.
TEST_F(SessionRedialTest, LeavesAPeerThatGoesAwayForWhoComesAfterIt) {
  serve(server, true);
  const SessionRef session = keep();
  ASSERT_TRUE(session.set_id("uplink").ok());
  session.visit([](rpc::Session& it) { FL_CHECK(it.values().set("room", "blue").ok()); });
  pass(1min);
  here([&] { begin_hold(session, 10s); });
  server->stop_listening();
  std::optional<Party> next;
  serve(next, true);

  announce_going();
  EXPECT_TRUE(session.away()) << "what begins now is the next one's";
  here([&] { begin_probe(session, within(5s), wait_for_ready); });
  pass(3s);

  EXPECT_TRUE(session.open());
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
  EXPECT_EQ(next->hub.count(), 1U);
  EXPECT_EQ(client->hub.find("uplink"), session);
  session.visit([](rpc::Session& it) { EXPECT_EQ(it.values().get("room"), "blue"); });
  EXPECT_EQ(server->heard.holding, 1) << "what is under way ends there";
  EXPECT_EQ(server->hub.count(), 1U);
  pass(8s);
  EXPECT_EQ(last.reason(), "call.deadline");
  EXPECT_EQ(server->hub.count(), 0U);
  EXPECT_THAT(seen, ElementsAre("first -", "again blue", "gone"));
  EXPECT_THAT(closed, IsEmpty());
  client.reset();
}

// Its `notice`: nobody else is there yet, and it serves all.
TEST_F(SessionRedialTest, StaysWithWhomItFindsGoing) {
  serve(server, true);
  const SessionRef session = keep();
  pass(1min);
  announce_going();
  pass(3s);

  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(probe(session).ok());
    here([&] { begin_probe(session, within(100ms), wait_for_ready); });
    here([&] { begin_probe(session, within(100ms), at_least_once()); });
    pass(1s);
    EXPECT_TRUE(last.ok()) << last;
  }
  EXPECT_EQ(done, 20);
  EXPECT_THAT(seen, UnorderedElementsAre("first -", "gone", "again -"));
}

TEST_F(SessionRedialTest, AgesAlsoWhereNoLinkGetsStable) {
  call(3s);
  serve(server, true);
  const SessionRef session = keep();
  for (int i = 0; i < 3; ++i) {
    pass_until(upstream::Redial::State::kReady);
    here([&] { begin_hold(session, 1min); });  // or it would be closed at once, idle
    pass_until(upstream::Redial::State::kBackoff);
  }
  EXPECT_GT(server->hub.count(), 1U) << "what is under way ends there";
  client.reset();
}

TEST_F(SessionRedialTest, LeavesWhoGoesAlsoAMomentAfterALoss) {
  serve(server, true);
  const SessionRef session = keep();
  pass(1min);
  announce_going();
  pass(3s);
  lose_server();
  serve(server, true);
  pass_until(upstream::Redial::State::kReady);
  pass(3s);

  announce_going();

  EXPECT_TRUE(session.away()) << "it is not who was found going";
}

TEST_F(SessionRedialTest, ACallThatIsRefusedByWhoGoesAwayWaitsForTheNext) {
  serve(server, true);
  const SessionRef session = keep();
  pass(1min);
  announce_going();
  pass(3s);
  server->peer(0).for_each_session([](rpc::Session& one) { one.go_away("closing"); });
  EXPECT_EQ(probe(session).status().reason(), "session.going_away");
  here([&] { begin_probe(session, within(20s), at_least_once()); });
  pass(1s);
  EXPECT_EQ(done, 0) << last;

  lose_server();
  serve(server, true);
  pass(5s);
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
  EXPECT_TRUE(session.open());
}

TEST_F(SessionRedialTest, ComesBackNoSoonerThanItIsTold) {
  serve(server, true);
  const SessionRef session = keep();
  pass(100ms);
  for (int i = 0; i < 2; ++i) {
    server->peer(0).for_each_session([](rpc::Session& one) { one.go_away("overload", 10s); });
    pass(9900ms);
    EXPECT_TRUE(session.away());
    pass(10100ms);  // each rest is longer
    EXPECT_TRUE(session.open());
    EXPECT_TRUE(probe(session).ok());
  }
}

TEST_F(SessionRedialTest, ASessionThatHasBecomeOldTakesNoCall) {
  client.reset();
  call(20s);
  serve(server, true);
  delivery = rpc::DeliveryMode::kAtLeastOnce;
  const SessionRef session = keep();
  here([&] { begin_hold(session, 1min); });
  pass(23s);
  EXPECT_TRUE(session.open());
  here([&] { begin_hold(session, 1min); });
  pass(1s);

  std::vector<std::size_t> served;
  server->peer(0).for_each_session(
      [&served](const rpc::Session& one) { served.push_back(one.handlers_running()); });
  EXPECT_THAT(served, ElementsAre(1U, 1U));
  session.kick("done");
  pass(1min);
  EXPECT_EQ(done, 2);
  EXPECT_EQ(server->hub.count(), 0U);
}

// A server whose logins name sessions meets its own client again.
TEST_F(SessionRedialTest, ASecondLoginCutsNothingOnTheConnectionThatIsLeft) {
  serve(server, true);
  const SessionRef session = keep();
  pass(1min);
  const auto name_it = [this] {
    server->hub.for_each([](const SessionRef& one) {
      if (one.id() == "tv") return;
      EXPECT_TRUE(one.set_id("tv").ok());
    });
  };
  name_it();
  here([&] { begin_hold(session, 40s); });
  announce_going();
  pass(3s);
  ASSERT_TRUE(session.open());
  name_it();
  pass(30s);

  EXPECT_TRUE(session.open());
  EXPECT_EQ(server->hub.count(), 1U);
  EXPECT_EQ(server->heard.holding, 1);
  EXPECT_EQ(done, 0) << last;
  pass(15s);
  EXPECT_EQ(last.reason(), "call.deadline");
}

TEST_F(SessionRedialTest, StaysGoneWhenItWasKickedBeforeItsPeerWentAway) {
  serve(server, true);
  const SessionRef session = keep();
  pass(1min);
  server->core(0).post(
      [this] { server->hub.for_each([this](const SessionRef& one) { begin_hold(one, 2s); }); });
  pass(100ms);
  session.kick("enough");
  pass(100ms);
  ASSERT_EQ(client->heard.holding, 1) << "its end waits for a handler";
  announce_going();
  pass(1min);

  EXPECT_EQ(closed.size(), 1U);
  EXPECT_FALSE(session.away());
  EXPECT_THAT(seen, ElementsAre("first -", "gone"));
}

TEST_F(SessionRedialTest, WhoIsKickedThereLeavesOneSessionOnly) {
  serve(server, true);
  const SessionRef session = keep({.redial_times = 0});
  pass(100ms);
  server->hub.for_each([](const SessionRef& one) { one.kick("enough"); });
  pass(1min);
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(client->hub.count(), 0U);
  EXPECT_EQ(server->hub.count(), 0U);
}

}  // namespace
}  // namespace fairlead::service
