// How messages of a line end: by time, for want of room, given up, in doubt, and what they inherit.
#include <gtest/gtest.h>

#include "fairlead/rpc/resend_line_fixture.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

TEST_F(ResendLineTest, NothingIsSentPastItsDeadline) {
  start();
  const auto sent = send("/hold", "a", kAtLeastOnce, false, 100ms);
  pass(20ms);
  cut(0);
  const auto queued = send("/echo", "b", kAtLeastOnce, false, 100ms);
  pass(200ms);

  EXPECT_EQ(sent->status.reason(), "call.deadline");
  EXPECT_EQ(sent->status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(queued->status.reason(), "call.deadline");
  EXPECT_EQ(queued->status.outcome(), Outcome::kNotSent);
  dial(0);
  EXPECT_EQ(served["b"], 0);
}

TEST_F(ResendLineTest, ItsAgeEndsWhatHasALongDeadline) {
  line_options.ttl = 1s;
  start();
  cut(0);
  const auto queued = send("/echo", "a", kAtLeastOnce, false, 1h);

  pass(1100ms);

  EXPECT_EQ(queued->status.reason(), "resend.ttl");
}

TEST_F(ResendLineTest, AFullLineRefuses) {
  line_options.messages_max = 1;
  start_server();
  start_client();
  const auto first = send("/echo", "a");

  const auto second = send("/echo", "b");

  EXPECT_EQ(second->status.code(), Code::kSendQueueFull);
  EXPECT_EQ(second->status.reason(), "resend.full");
  EXPECT_EQ(first->ends, 0);
}

TEST_F(ResendLineTest, CancellingEndsItWhereverItIs) {
  start();
  CancelSource in_flight;
  const auto sent = send("/hold", "a", kAtLeastOnce, false, 5s, in_flight.token());
  pass(20ms);
  in_flight.cancel();
  pass(20ms);
  EXPECT_EQ(sent->status.code(), Code::kCancelled);
  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});

  cut(0);
  CancelSource queued;
  const auto waits = send("/echo", "b", kAtLeastOnce, false, 5s, queued.token());
  queued.cancel();

  EXPECT_EQ(waits->status.code(), Code::kCancelled);
  EXPECT_EQ(waits->status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(waits->ends, 1);
}

TEST_F(ResendLineTest, WhatWasNotSentMayGoElsewhere) {
  start_server();
  client.emplace(far, nothing, PeerOptions{.inflight_calls_max = 1, .hello = true});
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  const auto held = send("/hold", "a");
  const auto unsent = send("/echo", "b");  // its session has one call under way already
  held->moves = unsent->moves = true;
  pass(50ms);
  EXPECT_EQ(unsent->state(), ResendQueue::State::kQueued);
  cut(0);

  EXPECT_EQ(unsent->state(), ResendQueue::State::kMoved);
  EXPECT_EQ(unsent->status.code(), Code::kConnectionClosed);
  EXPECT_EQ(unsent->status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(held->ends, 0) << "perhaps it was served: no failover";
  release.set();
  dial(1);
  EXPECT_EQ(held->body, "a");
  EXPECT_EQ(served["b"], 0);
}

TEST_F(ResendLineTest, ClosingEndsAll) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  line->close();

  EXPECT_EQ(held->status.reason(), "resend.closed");
  EXPECT_EQ(held->status.outcome(), Outcome::kUnknown);
  const auto late = send("/echo", "b");
  EXPECT_EQ(late->status.reason(), "resend.closed");
  EXPECT_EQ(late->status.outcome(), Outcome::kNotSent);
}

TEST_F(ResendLineTest, WhatIsTooOldIsNotSentOverTheNewOneEither) {
  line_options.ttl = 1s;
  start();
  const auto held = send("/hold", "a", kAtLeastOnce, false, 1h);
  pass(20ms);
  dial(1);
  pass(1s);
  EXPECT_EQ(held->ends, 0) << "it waits for its answer, on a link that lives";

  cut(0);

  EXPECT_EQ(held->status.reason(), "resend.ttl");
  EXPECT_EQ(held->status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(held->attempts(), 1U);
  EXPECT_EQ(dedup_hits(), 0U);
}

// Refuses calls before they are written.
class RefusesCalls final : public Plugin {
 public:
  explicit RefusesCalls(const bool& refuses) : Plugin("refuses"), refuses_(refuses) {}
  Status pre_write_call(OutgoingHead&) override {
    return refuses_ ? Status(Code::kForbidden, "test.refused", "") : Status();
  }

 private:
  const bool& refuses_;
};

TEST_F(ResendLineTest, ARepeatThatIsNotSentSaysNothingOfTheFirst) {
  bool refuses = false;
  PluginChain plugins;
  ASSERT_TRUE(plugins.add(RefusesCalls(refuses)).ok());
  start_server();
  client.emplace(far, nothing, PeerOptions{.hello = true, .plugins = &plugins});
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  const auto held = send("/hold", "a");
  pass(20ms);
  ASSERT_EQ(served["a"], 1);
  cut(0);
  refuses = true;
  const auto fresh = send("/echo", "b");

  dial(1);

  EXPECT_EQ(held->status.reason(), "test.refused");
  EXPECT_EQ(held->status.outcome(), Outcome::kUnknown) << "it was served";
  EXPECT_EQ(fresh->status.outcome(), Outcome::kNotSent);
  line.reset();
  (void)far.run(client->close(far.deadline_after(1s)));
  client.reset();  // before its plugins
}

// It is written when the link is there, by whom nobody knows then.
TEST_F(ResendLineTest, AMessageInheritsFromWhoGaveIt) {
  start_server();
  start_client();
  CancelSource given_up;
  const Ambient serving{.deadline = far.deadline_after(200ms), .cancel = given_up.token()};
  std::unique_ptr<Sent> sent;
  std::unique_ptr<Sent> queued;
  std::unique_ptr<Sent> cancelled;
  {
    const AmbientScope in(&serving);
    sent = send("/hold", "a");
  }
  dial(0);
  pass(100ms);
  EXPECT_EQ(sent->ends, 0);
  EXPECT_EQ(served["a"], 1);
  pass(100ms);
  EXPECT_EQ(sent->status.reason(), "call.deadline");

  cut(0);
  {
    const Ambient another{.deadline = far.deadline_after(200ms)};
    const AmbientScope in(&another);
    queued = send("/hold", "b");
  }
  {
    const Ambient another{.cancel = given_up.token()};
    const AmbientScope in(&another);
    cancelled = send("/hold", "c");
  }
  given_up.cancel();
  EXPECT_EQ(cancelled->status.reason(), "call.cancelled");
  pass(200ms);
  EXPECT_EQ(queued->status.reason(), "call.deadline");
  EXPECT_EQ(queued->status.outcome(), Outcome::kNotSent);
}

TEST_F(ResendLineTest, AMessageInheritsNothingFromWhoGivesAnother) {
  start_server();
  client.emplace(far, nothing, PeerOptions{.inflight_calls_max = 1, .hello = true});
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  const auto first = send("/echo", "a");
  const auto second = send("/hold", "b");  // its session has one call under way already
  std::unique_ptr<Sent> third;
  CancelSource given_up;
  first->then = [&] {
    const Ambient serving{.deadline = far.deadline_after(50ms), .cancel = given_up.token()};
    const AmbientScope in(&serving);
    third = send("/echo", "c");
  };
  pass(5ms);
  ASSERT_EQ(second->state(), ResendQueue::State::kWriting);

  given_up.cancel();
  pass(100ms);

  EXPECT_EQ(second->ends, 0) << second->status;
  EXPECT_EQ(third->status.reason(), "call.cancelled");
}

TEST_F(ResendLineTest, APushWhoseHandlerIsTooLateIsAcknowledged) {
  line_options.ttl = 10min;
  start();
  const auto note = send("/hold_note", "n", kAtLeastOnce, true, 10min);

  pass(61s);

  EXPECT_EQ(note->status.reason(), "handler.deadline");
}

TEST_F(ResendLineTest, CountsWhatItDoes) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  EXPECT_EQ(client->metrics().resend_queue[2].value(), 1) << "sent";
  cut(0);
  EXPECT_EQ(client->metrics().resend_queue[0].value(), 1) << "queued";
  dial(1);
  release.set();
  pass(20ms);

  const auto replied = static_cast<std::size_t>(ResendQueue::State::kReplied);
  EXPECT_EQ(client->metrics().resend_results[replied].value(), 1U);
  EXPECT_EQ(client->metrics().resend_again.value(), 1U);
  for (const auto& gauge : client->metrics().resend_queue) EXPECT_EQ(gauge.value(), 0);
}

TEST_F(ResendLineTest, CountsOutWhatNobodyWaitsForAnyMore) {
  start();
  auto held = send("/hold", "a");
  pass(20ms);
  cut(0);
  auto queued = send("/hold", "b");
  dial(0);
  auto sent = send("/note", "c", kAtLeastOnce, true);

  for (auto* one : {&held, &queued, &sent}) one->reset();

  for (const auto& gauge : client->metrics().resend_queue) EXPECT_EQ(gauge.value(), 0);
  EXPECT_EQ(line->size(), 0U);
  EXPECT_EQ(budget.bytes(), 0U);
}

// Who hears the end of one may end another: whoever waits for the last comes after both.
TEST_F(ResendLineTest, IsEmptyOnlyWhenNothingOfItIsAtWork) {
  start();
  auto first = send("/hold", "a");
  auto second = send("/hold", "b");
  bool at_work = false;
  first->then = [&] {
    at_work = true;
    second.reset();
    at_work = line.has_value();
  };
  pass(20ms);
  line->retire();
  far.spawn(destroy_when_empty(&line));

  release.set();
  pass(20ms);

  EXPECT_TRUE(at_work);
  EXPECT_FALSE(line.has_value());
}

// A window that ends its life at the deadline of its handler knows that too.
TEST_F(ResendLineTest, AHandlerWithoutLinkStillHasItsDeadline) {
  start();
  const auto sent = send("/hold", "a", kAtLeastOnce, false, 300ms);
  pass(20ms);
  cut(0);
  pass(400ms);

  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});
  EXPECT_EQ(sent->status.reason(), "call.deadline");
}

}  // namespace
}  // namespace fairlead::rpc
