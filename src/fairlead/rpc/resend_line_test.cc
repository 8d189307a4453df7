// Messages that outlive their connections: a line of one peer, the window of another, links that
// are cut and dialled again, on virtual time. How they end is in resend_line_ends_test.cc.
#include "fairlead/rpc/resend_line.h"

#include <array>

#include <gtest/gtest.h>

#include "fairlead/rpc/resend_line_fixture.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

TEST_F(ResendLineTest, ACallIsAnsweredAsAnyOther) {
  start();
  EXPECT_TRUE(line->numbers());

  const auto sent = send("/echo", "a");
  pass(20ms);

  EXPECT_EQ(sent->ends, 1);
  EXPECT_EQ(sent->status, Status());
  EXPECT_EQ(sent->body, "a");
  EXPECT_EQ(sent->state(), ResendQueue::State::kReplied);
  EXPECT_EQ(line->size(), 0U);
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST_F(ResendLineTest, WhatIsGivenBeforeTheHelloIsAnsweredWaits) {
  start_server();
  start_client();
  const auto sent = send("/echo", "a");
  EXPECT_EQ(wanted, 1);
  EXPECT_EQ(sent->state(), ResendQueue::State::kQueued);

  dial(0);

  EXPECT_EQ(sent->body, "a");
}

TEST_F(ResendLineTest, ASessionThatSaidHelloBeforeSaysItAgain) {
  start_server();
  start_client();
  session = *far.run(client->dial(listeners[0]->local(), far.deadline_after(5s)));
  pass(20ms);

  line->attach(*session);
  pass(20ms);

  EXPECT_TRUE(line->numbers());
}

// The handler runs when the link breaks, and answers when the next one is there, at another core.
TEST_F(ResendLineTest, ACallWhoseLinkBreaksIsAnsweredOverTheNextOne) {
  start();
  const auto sent = send("/hold", "a");
  pass(20ms);
  ASSERT_EQ(served["a"], 1);
  cut(0);
  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(sent->ends, 0);
  EXPECT_EQ(wanted, 1);

  dial(1);
  EXPECT_EQ(sent->ends, 0);
  release.set();
  pass(20ms);

  EXPECT_EQ(sent->status, Status());
  EXPECT_EQ(sent->body, "a");
  EXPECT_EQ(served["a"], 1);
  EXPECT_EQ(dedup_hits(), 1U);
}

// The handler ends while there is no link at all: its answer waits in the window.
TEST_F(ResendLineTest, AnAnswerThatNobodyCouldReadIsKept) {
  start();
  const auto sent = send("/hold", "a");
  pass(20ms);
  cut(0);
  release.set();
  pass(20ms);
  EXPECT_EQ(ended, std::vector<Code>{Code::kOk}) << "the lost link has not cancelled it";

  dial(1);

  EXPECT_EQ(sent->body, "a");
  EXPECT_EQ(served["a"], 1);
}

TEST_F(ResendLineTest, AnErrorIsAnsweredAgainToo) {
  start();
  const auto hold = send("/hold", "h");
  pass(20ms);
  const auto failed = send("/fail", "f");
  cut(0);  // before its reply has come
  release.set();

  dial(1);

  EXPECT_EQ(failed->status.reason(), "test.failed");
  EXPECT_EQ(served["f"], 1);
  EXPECT_EQ(hold->body, "h");
}

// Each attempt is sealed anew, and our form binds the answer to the attempt that was served.
class SealedResendTest : public ResendLineTest,
                         public ::testing::WithParamInterface<wire::SecureForm> {
 protected:
  static SecureKeys keys() {
    const std::array<std::string_view, 1> erpc = {"kkkkkkkkkkkkkkkk"};
    const std::string_view ring = "one AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    return {.ring = wire::KeyRing::parse(ring).value(), .erpc = wire::ErpcKeys::make(erpc).value()};
  }
  const SecureBodies both{keys()};
};
INSTANTIATE_TEST_SUITE_P(Forms, SealedResendTest,
                         ::testing::Values(wire::SecureForm::kAesGcm, wire::SecureForm::kErpc));

TEST_P(SealedResendTest, SealedMessagesAreServedOnceAndAnsweredToo) {
  secure = &both;
  form = GetParam();
  codec = 'j';  // erpc's form knows no text
  start();
  const auto call = send("/hold", "{}");
  pass(20ms);
  cut(0);
  dial(1);
  cut(1);
  dial(0);
  const auto note = send("/note", "{\"n\":1}", kAtLeastOnce, true);
  release.set();
  pass(100ms);

  ASSERT_TRUE(call->status.ok()) << call->status;
  EXPECT_EQ(call->body, "{}");
  EXPECT_EQ(call->attempts(), 3U);
  EXPECT_TRUE(note->status.ok()) << note->status;
  EXPECT_EQ(served["{}"], 1);
  EXPECT_EQ(served["{\"n\":1}"], 1);
}

// A restarted server has no window: perhaps it was served, and is not served again.
TEST_F(ResendLineTest, ARestartedServerDoesNotServeItASecondTime) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  ASSERT_EQ(served["a"], 1);
  stop_server();
  pass(20ms);
  const auto unsent = send("/echo", "b");
  start_server();

  dial(0);

  EXPECT_EQ(held->status.code(), Code::kConnectionClosed);
  EXPECT_EQ(held->status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(*held->status.cause(), "resend.window_lost");
  EXPECT_EQ(served["a"], 1);
  EXPECT_EQ(unsent->body, "b") << "no byte of it had left";
}

TEST_F(ResendLineTest, AnotherSecretHasAnotherWindow) {
  start();
  const auto sent = send("/echo", "a");
  pass(20ms);
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);

  const auto again = send("/echo", "a");
  pass(20ms);

  EXPECT_EQ(again->body, "a");
  EXPECT_EQ(served["a"], 2) << "both have the number 1, each of its own sender";
}

TEST_F(ResendLineTest, APlainPeerIsSentEverythingOnceAtMost) {
  start_server(false);
  start_client();
  dial(0);
  EXPECT_TRUE(line->ready());
  EXPECT_FALSE(line->numbers());
  const auto echoed = send("/echo", "a");
  const auto held = send("/hold", "b");
  pass(20ms);
  EXPECT_EQ(echoed->body, "a");

  cut(0);
  dial(0);

  EXPECT_EQ(held->status.code(), Code::kConnectionClosed);
  EXPECT_EQ(held->status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(served["b"], 1);
}

TEST_F(ResendLineTest, APeerWithoutWindowsSaysSo) {
  start_server(true, false);
  start_client();
  dial(0);

  EXPECT_TRUE(line->ready());
  EXPECT_FALSE(line->numbers());
}

TEST_F(ResendLineTest, APeerThatSaysNoHelloSendsPlain) {
  start_server();
  start_client(false);
  dial(0);

  const auto sent = send("/echo", "a");
  pass(20ms);

  EXPECT_FALSE(line->numbers());
  EXPECT_EQ(sent->body, "a");
}

TEST_F(ResendLineTest, AnAtMostOnceCallThatWasSentFails) {
  start();
  const auto sent = send("/hold", "a", kAtMostOnce);
  pass(20ms);
  cut(0);

  EXPECT_EQ(sent->status.code(), Code::kConnectionClosed);
  EXPECT_EQ(sent->status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(line->size(), 0U);
}

TEST_F(ResendLineTest, PushesAreAcknowledgedAndKeepTheirOrder) {
  start();
  std::vector<std::unique_ptr<Sent>> sent;
  for (int i = 0; i < 50; ++i) {
    sent.push_back(send("/note", std::to_string(i), kAtLeastOnce, true));
    if (i == 20) cut(0);
    if (i == 40) dial(1);
  }
  pass(50ms);

  ASSERT_EQ(notes.size(), 50U);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(notes[static_cast<std::size_t>(i)], std::to_string(i));
    EXPECT_EQ(sent[static_cast<std::size_t>(i)]->status, Status());
    EXPECT_EQ(sent[static_cast<std::size_t>(i)]->ends, 1);
  }
}

TEST_F(ResendLineTest, AnAcknowledgementSaysWhatBecameOfIt) {
  start();
  const auto bad = send("/bad_note", "a", kAtLeastOnce, true);
  const auto lost = send("/nowhere", "a", kAtLeastOnce, true);
  pass(20ms);

  EXPECT_EQ(bad->status.reason(), "test.bad_note");
  EXPECT_EQ(lost->status.code(), Code::kNotFound);
}

TEST_F(ResendLineTest, APushToAPlainPeerEndsWhenItIsHandedOver) {
  start_server(false);
  start_client();
  dial(0);
  const auto note = send("/note", "n", kAtLeastOnce, true);
  pass(20ms);
  EXPECT_TRUE(note->status.ok()) << note->status;
  EXPECT_EQ(note->ends, 1) << "nobody will acknowledge it";
  EXPECT_EQ(served["n"], 1);
}

TEST_F(ResendLineTest, ABestEffortPushEndsWhenItIsHandedOver) {
  start();
  const auto sent = send("/note", "a", kBestEffort, true);
  EXPECT_EQ(sent->ends, 0);
  pass(20ms);

  EXPECT_EQ(sent->status, Status());
  EXPECT_EQ(sent->ends, 1);
  EXPECT_EQ(notes, std::vector<std::string>{"a"});
}

TEST_F(ResendLineTest, ThousandsThroughASessionThatTakesFewAllArrive) {
  line_options.messages_max = 5000;
  start_server();
  client.emplace(far, nothing, PeerOptions{.inflight_calls_max = 10, .hello = true});
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  std::vector<std::unique_ptr<Sent>> sent;
  for (int i = 0; i < 500; ++i)
    sent.push_back(send("/echo", std::to_string(i), kAtLeastOnce, false, 60s));
  pass(10s);

  for (const auto& one : sent) EXPECT_EQ(one->status, Status());
  EXPECT_EQ(served.size(), 500U);
}

// What it has in flight is answered there, what comes goes to the next one.
TEST_F(ResendLineTest, ASessionThatGoesAwayGetsNoMore) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  servers[0]->for_each_session(
      [&](Session& one) { servers[0]->send_away(one, "test", near[0]->deadline_after(1s)); });
  pass(20ms);
  ASSERT_TRUE(session->leaving());

  const auto next = send("/echo", "b");
  EXPECT_EQ(wanted, 1);
  EXPECT_EQ(next->ends, 0);
  dial(1);
  EXPECT_EQ(next->body, "b");
  EXPECT_EQ(held->ends, 0);
  release.set();
  pass(20ms);

  EXPECT_EQ(held->body, "a");
  EXPECT_EQ(held->attempts(), 1U);
  EXPECT_EQ(served["a"], 1);
}

// Nobody else is there: its owner says that it goes on.
TEST_F(ResendLineTest, ASessionThatIsAttachedWhileItGoesAwayIsUsed) {
  start();
  servers[0]->for_each_session([](Session& one) { one.announce_going("test"); });
  pass(20ms);
  ASSERT_TRUE(session->leaving());
  line->attach(*session);

  const auto sent = send("/echo", "a");
  pass(20ms);

  EXPECT_EQ(sent->body, "a");
  EXPECT_EQ(wanted, 0);
}

TEST_F(ResendLineTest, WhatIsRefusedByWhoGoesAwayWaitsWhereNobodyElseWouldRepeatIt) {
  start();
  const auto refuse = [&](std::size_t at) {
    servers[at]->for_each_session([](Session& one) { one.go_away("test"); });
    pass(20ms);
    line->attach(*session);
  };
  refuse(0);
  const auto told = send("/echo", "a");
  pass(20ms);
  EXPECT_EQ(told->status.reason(), "session.going_away");

  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  refuse(0);
  const auto waits = send("/echo", "b");
  pass(20ms);
  EXPECT_EQ(waits->ends, 0) << waits->status;
  EXPECT_FALSE(line->ready());
  dial(1);

  EXPECT_EQ(waits->body, "b");
  EXPECT_EQ(served["b"], 1);
}

// The old link breaks with a number in doubt, when the new one is in use already.
TEST_F(ResendLineTest, WhatAnOldLinkLosesGoesOverTheNewOne) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  dial(1);
  const auto next = send("/echo", "b");
  pass(20ms);
  EXPECT_EQ(next->body, "b");
  cut(0);
  release.set();
  pass(20ms);

  EXPECT_EQ(held->body, "a");
  EXPECT_EQ(held->attempts(), 2U);
  EXPECT_EQ(served["a"], 1);
}

}  // namespace
}  // namespace fairlead::rpc
