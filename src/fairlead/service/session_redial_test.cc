// Sessions that come back: what stays the same, and what ends them for good. On virtual time.
#include <functional>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/service/session_redial_fixture.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Device;
using room_test::Party;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using upstream::Redial;

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
