#include "fairlead/service/session_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Party;

// A server on two cores, and a program that dials it.
class HubTest : public ::testing::Test {
 protected:
  void start(const char* first = "127.0.0.1:0") {
    server.open();
    client.open();
    at.push_back(server.listen(0, first));
    at.push_back(server.listen(1));
  }
  // The newest session of the server, which is that of this client's.
  std::pair<SessionRef, SessionRef> connect(std::size_t core) {
    std::vector<std::string> before;
    server.hub.for_each([&](const SessionRef& each) { before.push_back(each.id()); });
    SessionRef mine = client.dial(0, at[core]);
    pass(20ms);
    std::optional<SessionRef> theirs;
    server.hub.for_each([&](const SessionRef& each) {
      if (std::ranges::find(before, each.id()) == before.end()) theirs = each;
    });
    return {mine, *theirs};
  }
  void pass(Duration time) { testkit::pass_time(client.core(0), time); }

  io::Simulation simulation{1};
  Party server{simulation, "server", 2};
  Party client{simulation, "client", 1};
  std::vector<io::Address> at;
};

TEST_F(HubTest, FindsASessionByTheAddressOfItsOtherEnd) {
  start();
  const SessionRef mine = client.dial(0, at[1]);
  pass(20ms);

  EXPECT_EQ(server.hub.count(), 1U);
  EXPECT_EQ(client.hub.count(), 1U);
  const auto theirs = server.hub.find(mine.id());
  ASSERT_TRUE(theirs.has_value()) << "the dialling side is called by its own address too";
  EXPECT_EQ(theirs->id(), theirs->peer_address().to_text());
  EXPECT_EQ(client.hub.find(mine.id()), mine);
  EXPECT_FALSE(server.hub.find("tv-42").has_value());
}

TEST_F(HubTest, SessionsOverAUnixSocketHaveIdsOfTheirOwn) {
  start("unix:/run/simulated.sock");
  const SessionRef one = client.dial(0, at[0]);
  const SessionRef two = client.dial(0, at[0]);
  pass(20ms);

  EXPECT_EQ(server.hub.count(), 2U);
  EXPECT_NE(one.id(), two.id());
  EXPECT_TRUE(one.open() && two.open());
}

TEST_F(HubTest, ASecondLoginSendsTheFirstAwayAlsoOnAnotherCore) {
  start();
  auto [mine, first] = connect(0);
  auto [mine_too, second] = connect(1);
  ASSERT_TRUE(first.set_id("tv-42").ok());

  ASSERT_TRUE(second.set_id("tv-42").ok());
  EXPECT_EQ(server.hub.find("tv-42"), second);
  pass(50ms);

  EXPECT_FALSE(first.open());
  EXPECT_FALSE(mine.open());
  EXPECT_TRUE(mine_too.open());
  EXPECT_EQ(server.hub.find("tv-42"), second);
  EXPECT_EQ(server.hub.count(), 1U);
}

TEST_F(HubTest, AnIdMayChangeAndTheOldOneIsFree) {
  start();
  auto [mine, theirs] = connect(0);
  const std::string address = theirs.id();

  EXPECT_TRUE(theirs.set_id("a").ok());
  EXPECT_TRUE(theirs.set_id("b").ok());
  EXPECT_TRUE(theirs.set_id("b").ok()) << "its own";

  EXPECT_EQ(server.hub.find("b"), theirs);
  EXPECT_FALSE(server.hub.find("a").has_value());
  EXPECT_FALSE(server.hub.find(address).has_value());
  EXPECT_TRUE(theirs.open());
}

TEST_F(HubTest, RefusesIdsThatAreNone) {
  start();
  auto [mine, theirs] = connect(0);

  EXPECT_EQ(theirs.set_id("").reason(), "session.bad_id");
  EXPECT_EQ(theirs.set_id(std::string(256, 'x')).reason(), "session.bad_id");
  EXPECT_TRUE(theirs.set_id(std::string(255, 'x')).ok());
}

TEST_F(HubTest, AnEndedSessionIsForgottenAndTakesNoId) {
  start();
  auto [mine, theirs] = connect(0);

  mine.kick("enough");
  pass(50ms);

  EXPECT_EQ(server.hub.count(), 0U);
  EXPECT_FALSE(server.hub.find(theirs.id()).has_value());
  EXPECT_EQ(theirs.set_id("late").reason(), "session.closed");
}

TEST_F(HubTest, TellsAnEndOnceWithTheSessionsIdAndValues) {
  std::vector<std::string> ends;
  server.hub.on_closed([&](const SessionRef& session, const Status& why) {
    ends.push_back(session.id() + " " + std::string(*session.values()->get("user")) + " " +
                   std::string(why.ok() ? "in order" : why.reason()));
  });
  start();
  auto [mine, theirs] = connect(1);
  ASSERT_TRUE(theirs.set_id("tv-42").ok());
  theirs.visit(
      [](rpc::Session& session) { ASSERT_TRUE(session.values().set("user", "ann").ok()); });
  pass(10ms);

  mine.kick("enough");
  pass(50ms);

  EXPECT_THAT(ends, ::testing::ElementsAre("tv-42 ann in order"));
}

TEST_F(HubTest, VisitsAllThatCanBeFound) {
  start();
  std::vector<std::string> ids;
  for (const std::size_t core : {0U, 1U, 1U}) ids.push_back(client.dial(0, at[core]).id());
  pass(20ms);

  std::vector<std::string> visited;
  server.hub.for_each([&](const SessionRef& each) { visited.push_back(each.id()); });

  EXPECT_THAT(visited, ::testing::UnorderedElementsAreArray(ids));
}

TEST_F(HubTest, AnIdOfALoginCountsFromItsGoodEnd) {
  const auto login = [this](rpc::Context& context) {
    Status named = server.hub.of(context).set_id("tv-42");
    if (named.ok() && context.body() != "sesame") named = Status(Code::kForbidden, "", "no");
    return named;
  };
  ASSERT_TRUE(server.router.set_login(rpc::make_handler(login)).ok());
  start();
  const SessionRef good = client.dial(0, at[0], {.login = rpc::Login{.body = "sesame"}});
  pass(20ms);
  const auto named = server.hub.find("tv-42");
  ASSERT_TRUE(named.has_value());

  const auto refused =
      client.core(0).run(client.hub.dial(at[1], {.login = rpc::Login{.body = "barley"}}));
  pass(50ms);

  EXPECT_EQ(refused.status().code(), Code::kForbidden);
  EXPECT_TRUE(good.open()) << "who only says that it is somebody sends nobody away";
  EXPECT_EQ(server.hub.find("tv-42"), named);
  EXPECT_EQ(server.hub.count(), 1U);
}

TEST_F(HubTest, DialsOnCoresOnly) {
  start();
  auto outside = client.hub.dial(at[0]);
  // Nobody awaits a core here: the test's own thread runs the coroutine to its end.
  Status result;
  Scope scope;
  const auto keep = [](Task<Result<SessionRef>> task, Status* out) -> Task<void> {
    const Result<SessionRef> made = co_await task;
    *out = made.status();
  };
  scope.spawn(keep(std::move(outside), &result));
  EXPECT_EQ(result.reason(), "call.no_core");
}

}  // namespace
}  // namespace fairlead::service
