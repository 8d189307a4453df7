// The end of sessions by age, on virtual time.
#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// A server whose sessions live ten minutes, and a client of it that says hello or not.
class SessionAgeTest : public ::testing::Test {
 protected:
  void start(bool hello, Duration server_age = 600s, Duration client_age = 0s) {
    const auto wait = [](Context& context) -> Task<Status> {
      const Duration time(std::stoll(std::string(context.body())));
      Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(time));
      co_return slept;
    };
    ASSERT_TRUE(router.add(wire::Kind::kCall, "/wait", make_handler(wait)).ok());
    server.emplace(near, router,
                   PeerOptions{.request_time_max = 0s, .hello = hello, .session_age = server_age},
                   metrics);
    client.emplace(far, nothing, PeerOptions{.hello = hello, .session_age = client_age});
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                             server->accept(std::move(stream));
                           })
                   .value();
    session = far.run(client->dial(listener->local(), Deadline())).value();
    session->on_closed([this](Session&, const Status&) {
      session = nullptr;
      closed = far.now();
    });
    session->on_leaving([this](Session&) { told = far.now(); });
    began = far.now();
  }
  void TearDown() override {
    for (auto* peer : {&client, &server}) {
      if (!peer->has_value()) continue;
      (void)(*peer)->core().run((*peer)->close((*peer)->core().deadline_after(1s)));
    }
    listener.reset();
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  static Task<void> leave(Session* who) {
    Status closed = co_await who->close(Deadline());
    EXPECT_TRUE(closed.ok()) << closed;
  }
  std::uint64_t ended_by(LinkEnd end) const {
    return metrics.links_closed[static_cast<std::size_t>(end)].value();
  }
  static Task<void> call(Session* on, Duration time, Status* out) {
    auto call = on->call("/wait", 's', Bytes(std::to_string(time.count())), "",
                         on->core().deadline_after(time + 100s));
    Result<Reply> reply = co_await call;
    *out = reply.status();
  }

  io::Simulation simulation{1};
  io::Core& near = simulation.add_core("server");
  io::Core& far = simulation.add_core("client");
  Router router;
  Router nothing;
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  std::optional<Peer> server;
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
  Session* session = nullptr;
  Time began{};
  std::optional<Time> told;
  std::optional<Time> closed;
  Scope scope;
};

TEST_F(SessionAgeTest, AnIdleSessionIsToldAndClosedWithinItsAge) {
  start(true);
  pass(539s);
  EXPECT_FALSE(told.has_value()) << "at most a tenth earlier";
  pass(63s);

  ASSERT_TRUE(told.has_value() && closed.has_value());
  EXPECT_LE(*told - began, 600s + 10ms);
  EXPECT_GE(*closed - *told, 900ms) << "calls that crossed the word are still answered";
}

TEST_F(SessionAgeTest, IsTheCauseAlsoWhenThePeerThatWasToldClosesFirst) {
  start(true);
  session->on_leaving([this](Session& leaving) { scope.spawn(leave(&leaving)); });
  pass(602s);

  EXPECT_TRUE(closed.has_value());
  EXPECT_EQ(ended_by(LinkEnd::kAge), 1U);
  EXPECT_EQ(ended_by(LinkEnd::kPeer), 0U);
}

TEST_F(SessionAgeTest, ACallUnderWayIsNeverCut) {
  start(true);
  Status result(Code::kUnknownError, "", "");
  scope.spawn(call(session, 700s, &result));
  pass(690s);
  EXPECT_TRUE(told.has_value());
  EXPECT_FALSE(closed.has_value());
  pass(20s);

  EXPECT_TRUE(result.ok()) << result;
  EXPECT_TRUE(closed.has_value());
}

TEST_F(SessionAgeTest, NorIsOneOfAPlainPeer) {
  start(false);
  Status result(Code::kUnknownError, "", "");
  scope.spawn(call(session, 700s, &result));
  pass(720s);

  EXPECT_TRUE(result.ok()) << result;
  EXPECT_TRUE(closed.has_value());
  EXPECT_FALSE(told.has_value());
}

TEST_F(SessionAgeTest, APlainPeerThatIsNeverIdleIsRefusedAfterHalfAMinute) {
  start(false);
  std::vector<Status> results(700);
  Time first_refused{};
  for (Status& result : results) {  // one call is under way at any time
    if (session == nullptr) break;
    scope.spawn(call(session, 1500ms, &result));
    pass(1s);
    if (first_refused == Time{} && result.reason() == "session.going_away") {
      first_refused = far.now();
    }
  }
  ASSERT_TRUE(closed.has_value());
  EXPECT_GE(first_refused - began, 540s + 30s);
  EXPECT_LE(*closed - began, 600s + 35s);
  for (const Status& result : results) {
    EXPECT_TRUE(result.ok() || result.reason() == "session.going_away") << result;
  }
}

TEST_F(SessionAgeTest, WhoDialledMayBeTheOldOne) {
  start(true, 0s, 600s);
  pass(610s);

  ASSERT_TRUE(told.has_value()) << "who uses the session dials another one";
  EXPECT_TRUE(closed.has_value());
}

TEST_F(SessionAgeTest, SessionsThatCameTogetherDoNotLeaveTogether) {
  start(true);
  std::vector<Time> ends;
  for (int i = 0; i < 20; ++i) {
    Session* one = far.run(client->dial(listener->local(), Deadline())).value();
    one->on_closed([&](Session&, const Status&) { ends.push_back(far.now()); });
  }
  pass(610s);

  ASSERT_EQ(ends.size(), 20U);
  for (std::size_t i = 1; i < ends.size(); ++i) EXPECT_GT(ends[i] - ends[i - 1], 500ms);
}

TEST_F(SessionAgeTest, WithoutAnAgeASessionStays) {
  start(true, 0s);
  pass(100h);
  EXPECT_NE(session, nullptr);
}

TEST_F(SessionAgeTest, RefusesANegativeAge) {
  EXPECT_EQ(PeerOptions{.session_age = -1s}.validate().reason(), "peer.bad_option");
}

}  // namespace
}  // namespace fairlead::rpc
