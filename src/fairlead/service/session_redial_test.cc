// Sessions that come back: what stays the same, and what ends them for good. On virtual time.
//
// It is long, since each is a story about the same program with one link, which a second file would
// only set up again.
#include "fairlead/service/session_redial.h"

#include <functional>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Device;
using room_test::Party;
using room_test::Pong;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using upstream::Redial;

constexpr const char* kAt = "127.0.0.1:7000";

// Notes what a program's plugins hear of its dials, and names who dials again.
class Dials final : public rpc::Plugin {
 public:
  explicit Dials(std::vector<std::string>& seen) : Plugin("dials"), seen_(seen) {}
  Status post_dial(rpc::Session& session, bool again) override {
    const auto value = session.values().get("room");
    seen_.push_back(std::string(again ? "again " : "first ") + std::string(value.value_or("-")));
    return refuse_ ? Status(Code::kForbidden, "test.refused", "not today") : Status();
  }
  Status post_disconnect(rpc::Session&, const Status&) override {
    seen_.emplace_back("gone");
    return {};
  }
  Status post_lost(const rpc::LostLink& lost) override {
    seen_.push_back("lost " + lost.address.to_text() + " " + std::string(lost.why.reason()));
    return {};
  }
  static inline bool refuse_ = false;

 private:
  std::vector<std::string>& seen_;
};

class SessionRedialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Dials::refuse_ = false;
    FL_CHECK(plugins.add(Dials(seen)).ok());
    call();
    serve();
  }
  void call(Duration session_age = {}) {
    client.emplace(
        simulation, "client", 2,
        rpc::PeerOptions{.hello = true, .session_age = session_age, .plugins = &plugins});
    client->open(&limits);
    client->hub.on_closed(
        [this](const SessionRef& session, const Status&) { closed.push_back(session.id()); });
  }
  // A program at kAt, without a word when it is gone.
  void serve() { serve(server, false); }
  void serve(std::optional<Party>& program, bool hello) {
    program.emplace(simulation, "server", 1, rpc::PeerOptions{.hello = hello});
    program->open();
    (void)program->listen(0, kAt);
  }
  SessionRef keep(const upstream::RedialOptions& redial = {}) {
    return client->keep(0, io::Address::parse(kAt).value(),
                        {.redial = upstream::DialSettings{.redial = redial}, .delivery = delivery});
  }
  void pass(Duration time) { testkit::pass_time(core(), time); }
  io::Core& core() { return client->core(0); }
  Redial::State state() { return client->hub.links(core(), 1).at(0).state; }
  void pass_until(Redial::State wanted) {
    for (int i = 0; i < 100'000 && state() != wanted; ++i) pass(100us);
    ASSERT_EQ(state(), wanted);
  }
  Result<Pong> probe(const SessionRef& session) {
    const auto ask = [](SessionRef to) -> Task<Result<Pong>> {
      auto call = to.as<Device>().probe({.at = 1}, within(1s));
      Result<Pong> reply = co_await call;
      co_return reply;
    };
    return core().run(ask(session));
  }
  // Begins a call, and counts in `done` when it has ended.
  template <class... Words>
  void begin_probe(const SessionRef& session, Words... words) {
    auto call = session.as<Device>().probe({.at = 1}, std::move(words)...);
    std::move(call).then([this](Result<Pong> reply) {
      ++done;
      last = reply.status();
    });
  }
  // It ends, and its clients have heard of that.
  void lose_server() {
    server.reset();
    pass(50ms);
  }
  // As a program that ends: it serves on, also who connects now.
  void announce_going() {
    server->core(0).spawn([](rpc::Peer* peer) -> Task<void> {
      Status told = co_await peer->announce_going("closing", 0ms, 0ms);
      EXPECT_TRUE(told.ok());
    }(&server->peer(0)));
    pass(10ms);
  }
  void begin_hold(const SessionRef& session, Duration time) {
    auto call = session.as<Device>().hold({.at = 1}, within(time));
    std::move(call).then([this](Result<Pong> reply) {
      ++done;
      last = reply.status();
    });
  }
  // Runs `function` on the session's core.
  template <class Function>
  void here(Function function) {
    core().post(function);
    pass(1ms);
  }

  std::optional<rpc::DeliveryMode> delivery;
  int done = 0;
  Status last;
  io::Simulation simulation{1};
  std::vector<std::string> seen;
  rpc::PluginChain plugins;
  std::vector<std::string> closed;
  upstream::DialLimits limits;
  std::optional<Party> server;
  std::optional<Party> client;
};

TEST_F(SessionRedialTest, ComesBackAsTheSameSession) {
  const SessionRef session = keep();
  ASSERT_TRUE(session.set_id("uplink").ok());
  session.visit([](rpc::Session& it) { FL_CHECK(it.values().set("room", "blue").ok()); });
  ASSERT_TRUE(probe(session).ok());

  lose_server();
  EXPECT_FALSE(session.open());
  EXPECT_TRUE(session.away());
  EXPECT_EQ(client->hub.find("uplink"), session) << "its place stays";
  serve();
  pass(3s);

  EXPECT_TRUE(session.open());
  EXPECT_FALSE(session.away());
  EXPECT_EQ(session.id(), "uplink");
  EXPECT_EQ(client->hub.find("uplink"), session);
  EXPECT_EQ(client->hub.count(), 1U);
  session.visit([](rpc::Session& it) { EXPECT_EQ(it.values().get("room"), "blue"); });
  EXPECT_TRUE(probe(session).ok());
  EXPECT_THAT(seen, ElementsAre("first -", "gone", "again blue"));
  EXPECT_THAT(closed, IsEmpty());
}

TEST_F(SessionRedialTest, EndsCallsWithoutADoubtWhileItIsAway) {
  const SessionRef session = keep();
  lose_server();
  const Status ended = probe(session).status();
  EXPECT_EQ(ended.code(), Code::kConnectionClosed);
  EXPECT_EQ(ended.reason(), "session.closed");
  EXPECT_EQ(ended.outcome(), Outcome::kNotSent);
}

TEST_F(SessionRedialTest, ACallThatWaitsForItIsAnsweredWhenItIsBack) {
  const SessionRef session = keep();
  lose_server();
  here([&] { begin_probe(session, within(10s), wait_for_ready); });
  EXPECT_EQ(done, 0);
  serve();
  pass(3s);
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
}

TEST_F(SessionRedialTest, ACallFromAnotherCoreWaitsForItToo) {
  const SessionRef session = keep();
  lose_server();
  client->core(1).post([&] { begin_probe(session, within(10s), wait_for_ready); });
  pass(1ms);
  EXPECT_EQ(done, 0);
  serve();
  pass(3s);
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
}

TEST_F(SessionRedialTest, ACallThatIsMadeDuringTheDialIsAnsweredWhenItIsBack) {
  const SessionRef session = keep();
  lose_server();
  serve();
  pass_until(Redial::State::kDialing);
  bool away = false;
  core().post([&] {
    away = session.away();
    begin_probe(session, within(10s), wait_for_ready);
  });
  pass(3s);

  EXPECT_TRUE(away);
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
}

// Who hears the end of the connection, and then makes the first call that outlives one.
TEST_F(SessionRedialTest, ACallThatIsMadeWhileTheConnectionEndsIsAnsweredWhenItIsBack) {
  struct AtTheEnd final : CancelListener {
    std::function<void()> then;
    void on_cancel() override { then(); }
  } at_the_end;
  const SessionRef session = keep();
  at_the_end.then = [&] { begin_probe(session, within(10s), wait_for_ready); };
  here([&] {
    session.visit([&](rpc::Session& it) { EXPECT_FALSE(at_the_end.listen(it.cancel_token())); });
  });

  lose_server();
  serve();
  pass(3s);

  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
}

TEST_F(SessionRedialTest, ACallThatIsGivenUpOnAnotherCoreIsTakenBack) {
  const SessionRef session = keep();
  lose_server();
  client->core(1).post(
      [&] { auto dropped = session.as<Device>().hold({.at = 1}, within(10s), wait_for_ready); });
  pass(1ms);
  serve();
  pass(3s);
  EXPECT_TRUE(session.open());
  EXPECT_EQ(server->heard.holding, 0);
}

TEST_F(SessionRedialTest, NobodyWaitsLongerThanItsDeadline) {
  const SessionRef session = keep();
  lose_server();
  here([&] { begin_probe(session, within(2s), wait_for_ready); });
  pass(1900ms);
  EXPECT_EQ(done, 0);
  pass(200ms);
  EXPECT_EQ(done, 1);
  EXPECT_EQ(last.reason(), "call.deadline");
  EXPECT_EQ(last.outcome(), Outcome::kNotSent);
}

TEST_F(SessionRedialTest, WhoWaitsHearsThatItDoesNotComeBack) {
  const SessionRef session = keep({.redial_times = 2});
  lose_server();
  here([&] { begin_probe(session, within(10min), at_least_once()); });
  pass(1min);
  EXPECT_EQ(done, 1);
  EXPECT_EQ(last.code(), Code::kDialFailed);
  EXPECT_EQ(last.reason(), "upstream.lost");
  EXPECT_NE(last.message().find("was dialled again 2 times (dial.redial_times)"),
            std::string_view::npos)
      << last;
  EXPECT_EQ(last.outcome(), Outcome::kNotSent);
  here([&] { begin_probe(session, within(10min), at_least_once()); });
  EXPECT_EQ(done, 2) << "and nobody waits any more";
  EXPECT_EQ(last.reason(), "session.closed");
}

TEST_F(SessionRedialTest, APushThatMustArriveArrives) {
  const SessionRef session = keep();
  lose_server();
  here([&] {
    auto push = session.as<room_test::Room>().say({.from = "x", .text = "late"}, within(10s),
                                                  at_least_once());
    push.then([this](const Status& status) {
      ++done;
      last = status;
    });
  });
  EXPECT_EQ(done, 0);
  serve();
  pass(3s);
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(last.ok()) << last;
  EXPECT_THAT(server->heard.lines, ElementsAre("x:late"));
}

TEST_F(SessionRedialTest, TheSettingIsForMessagesThatSayNothing) {
  delivery = rpc::DeliveryMode::kAtLeastOnce;
  const SessionRef session = keep();
  lose_server();
  here([&] { begin_probe(session, within(10s)); });
  here([&] { begin_probe(session, within(10s), at_most_once()); });
  EXPECT_EQ(done, 1);
  EXPECT_EQ(last.reason(), "session.closed");
  serve();
  pass(3s);
  EXPECT_EQ(done, 2);
  EXPECT_TRUE(last.ok()) << last;
}

TEST_F(SessionRedialTest, WhatWaitsHasTheBoundsOfTheSettings) {
  const SessionRef session = keep();
  client->hub.update(rpc::ResendOptions{.messages_max = 2});
  lose_server();
  here([&] {
    for (int i = 0; i < 3; ++i) begin_probe(session, within(10s), wait_for_ready);
  });
  EXPECT_EQ(done, 1);
  EXPECT_EQ(last.reason(), "resend.full");
  session.kick("enough");
  pass(1s);
  EXPECT_EQ(done, 3);
  EXPECT_EQ(last.reason(), "resend.closed") << "who ends it here has not lost it";
}

TEST_F(SessionRedialTest, TheSettingOfAllIsForSessionsThatHaveNone) {
  const SessionRef usual = keep();
  delivery = rpc::DeliveryMode::kAtMostOnce;
  const SessionRef own = keep();
  client->hub.update_delivery(rpc::DeliveryMode::kAtLeastOnce);
  lose_server();
  here([&] { begin_probe(usual, within(10s)); });
  EXPECT_EQ(done, 0);
  here([&] { begin_probe(own, within(10s)); });
  EXPECT_EQ(done, 1);
  EXPECT_EQ(last.reason(), "session.closed");

  client->hub.update_delivery(std::nullopt);
  pass(1ms);
  here([&] { begin_probe(usual, within(10s)); });
  EXPECT_EQ(done, 2);
  EXPECT_EQ(last.reason(), "session.closed");
  serve();
  pass(3s);
  EXPECT_EQ(done, 3);
}

TEST_F(SessionRedialTest, IsPushedToByBroadcastsAgain) {
  const SessionRef session = keep();
  const auto say = [this](const char* text) {
    const auto tell = [](Party* from, std::string line) -> Task<void> {
      auto broadcast = from->hub.all<room_test::Room>().say({.from = "x", .text = line});
      Result<BroadcastResult> result = co_await broadcast;
      EXPECT_TRUE(result.ok());
    };
    core().run(tell(&*client, text));
    pass(100ms);
  };
  say("one");
  EXPECT_THAT(server->heard.lines, ElementsAre("x:one"));
  lose_server();
  say("nobody hears");
  serve();
  pass(3s);
  say("two");
  EXPECT_THAT(server->heard.lines, ElementsAre("x:two"));
}

TEST_F(SessionRedialTest, StaysGoneWhenItWasKicked) {
  const SessionRef session = keep();
  session.kick("enough");
  pass(1min);
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_FALSE(session.away());
  EXPECT_EQ(client->hub.count(), 0U);
  EXPECT_THAT(seen, ElementsAre("first -", "gone"));
}

TEST_F(SessionRedialTest, StaysGoneWhenItWasKickedWhileItWasAway) {
  const SessionRef session = keep();
  lose_server();
  session.kick("enough");
  serve();
  pass(1min);
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_FALSE(session.away());
  EXPECT_EQ(client->hub.count(), 0U);
  EXPECT_THAT(seen, ElementsAre("first -", "gone"));
}

TEST_F(SessionRedialTest, IsNotDialledWhenItWasKickedInTheLineOfDials) {
  limits.update({.dials_max = 1});
  upstream::DialLine other(core(), limits);
  const auto enter = [](upstream::DialLine* line) -> Task<Result<upstream::DialPass>> {
    co_return co_await line->enter(CancelToken());
  };
  std::optional<upstream::DialPass> place = core().run(enter(&other)).value();
  const SessionRef session = keep();
  lose_server();
  serve();
  pass_until(Redial::State::kDialing);
  session.kick("enough");
  pass(1ms);
  EXPECT_EQ(closed.size(), 1U);
  place.reset();
  pass(1min);

  EXPECT_THAT(seen, ElementsAre("first -", "gone"));
  EXPECT_EQ(limits.dialing(), 0U);
}

TEST_F(SessionRedialTest, IsNoSessionWhenItWasKickedDuringTheDial) {
  const SessionRef session = keep();
  lose_server();
  serve();
  pass_until(Redial::State::kDialing);
  session.kick("enough");
  pass(1min);

  EXPECT_EQ(closed.size(), 1U);
  EXPECT_THAT(seen, ElementsAre("first -", "gone"));
}

TEST_F(SessionRedialTest, StaysGoneWhenAnotherTookItsId) {
  const SessionRef session = keep();
  ASSERT_TRUE(session.set_id("uplink").ok());
  lose_server();
  serve();
  const SessionRef other = client->dial(0, io::Address::parse(kAt).value());
  ASSERT_TRUE(other.set_id("uplink").ok());
  pass(1min);

  EXPECT_FALSE(session.open());
  EXPECT_FALSE(session.away());
  EXPECT_EQ(client->hub.find("uplink"), other);
  EXPECT_EQ(closed.size(), 1U);
}

TEST_F(SessionRedialTest, IsLostForGoodWhenItsTimesAreUsedUp) {
  const SessionRef session = keep({.redial_times = 2});
  server.reset();
  pass(1min);

  EXPECT_EQ(closed.size(), 1U);
  EXPECT_FALSE(session.away());
  EXPECT_THAT(seen, ElementsAre("first -", "gone", std::string("lost ") + kAt + " dial.refused"));
}

TEST_F(SessionRedialTest, TriesAgainWhereAPluginRefusesTheNewSession) {
  const SessionRef session = keep();
  lose_server();
  serve();
  Dials::refuse_ = true;
  pass(3s);
  EXPECT_TRUE(session.away());
  EXPECT_THAT(closed, IsEmpty());

  Dials::refuse_ = false;
  pass(1min);
  EXPECT_TRUE(session.open());
  EXPECT_TRUE(probe(session).ok());
}

TEST_F(SessionRedialTest, EndsWithItsConnectionWhereNobodyAskedForMore) {
  const SessionRef session = client->dial(0, io::Address::parse(kAt).value());
  lose_server();
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_FALSE(session.away());
}

TEST_F(SessionRedialTest, HoldsUpNobodyWhoClosesTheProgram) {
  const SessionRef session = keep({.first_wait_min = 60s, .first_wait_max = 60s});
  lose_server();
  const Time before = core().now();
  EXPECT_TRUE(core().run(client->hub.close(core(), core().deadline_after(1s))).ok());
  EXPECT_EQ(core().now(), before);
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(client->hub.count(), 0U);
}

TEST_F(SessionRedialTest, UsesNewSettingsFromTheNextRestOn) {
  const SessionRef session = keep({.first_wait_min = 60s, .first_wait_max = 60s});
  client->hub.update({.redial = {.first_wait_min = 1s, .first_wait_max = 1s}});
  pass(1ms);
  server.reset();
  serve();
  pass(1500ms);
  EXPECT_TRUE(session.open());
  session.kick("done");
  pass(1s);
}

TEST_F(SessionRedialTest, UsesNewSettingsThatCameDuringItsFirstDial) {
  const auto dial = [](Party* from, HubDial how) -> Task<Result<SessionRef>> {
    auto dialling = from->hub.dial(io::Address::parse(kAt).value(), std::move(how));
    from->core(0).post([from] {
      EXPECT_EQ(from->hub.count(), 0U) << "the dial is under way";
      from->hub.update({.redial = {.first_wait_min = 1s, .first_wait_max = 1s}});
      from->hub.update(rpc::ResendOptions{.messages_max = 1});
    });
    Result<SessionRef> session = co_await dialling;
    co_return session;
  };
  HubDial how;
  how.redial = upstream::DialSettings{.redial = {.first_wait_min = 60s, .first_wait_max = 60s}};
  const SessionRef session = core().run(dial(&*client, std::move(how))).value();
  lose_server();
  here([&] {
    for (int i = 0; i < 2; ++i) begin_probe(session, within(10s), wait_for_ready);
  });
  EXPECT_EQ(last.reason(), "resend.full");
  serve();
  pass(1500ms);
  EXPECT_TRUE(session.open());
}

// ---- a peer that goes away

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

// ---- for people

TEST_F(SessionRedialTest, IsShownWhereverItIs) {
  const SessionRef session = keep();
  ASSERT_TRUE(session.set_id("uplink").ok());
  const auto link = [this] { return client->hub.links(core(), 10).at(0); };
  EXPECT_EQ(link().name, "uplink");
  EXPECT_EQ(link().address, kAt);
  EXPECT_EQ(link().state, Redial::State::kReady);
  EXPECT_EQ(link().sessions, 1U);
  EXPECT_EQ(link().dials, 1U);

  lose_server();
  EXPECT_EQ(link().state, Redial::State::kBackoff);
  EXPECT_EQ(link().sessions, 0U);
  EXPECT_GT(link().wait_left, 0s);
  EXPECT_THAT(link().last_error, HasSubstr("[session.closed]"));

  pass(1min);
  EXPECT_EQ(link().state, Redial::State::kQuarantined);
  EXPECT_GE(link().failures, 3U);
  EXPECT_THAT(link().last_error, HasSubstr("[dial.refused]"));
  serve();
  pass(1min);
  EXPECT_TRUE(link().recovered);
  session.kick("done");
  pass(1s);
  EXPECT_THAT(client->hub.links(core(), 10), IsEmpty());
}

TEST_F(SessionRedialTest, ThoseThatAreAwayAreShownFirst) {
  const SessionRef stays = keep();
  const SessionRef goes = keep({.first_wait_min = 60s, .first_wait_max = 60s});
  std::string at;
  goes.visit([&at](rpc::Session& it) { at = it.local_address().to_text(); });
  pass(10ms);
  server->hub.find(at)->kick("one of both");
  pass(100ms);
  ASSERT_TRUE(stays.open() && goes.away());

  ASSERT_EQ(client->hub.links(core(), 1).size(), 1U);
  EXPECT_EQ(client->hub.links(core(), 1)[0].name, goes.id());
  EXPECT_EQ(client->hub.links(core(), 2).size(), 2U);
}

}  // namespace
}  // namespace fairlead::service
