// What a line makes of links that end at a bad moment: before they are ready, while something else
// ends, when nobody wants the line any more, and by a plugin before a handler ran.
#include <gtest/gtest.h>

#include "fairlead/rpc/resend_line_fixture.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// The server lives and has the window: the link after that one is told so.
TEST_F(ResendLineTest, ALinkThatIsLostBeforeItsHelloSaysNothingOfTheWindow) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  cut(0);
  DialOptions options;
  options.resend = &*line;
  const auto made = far.run(client->dial(listeners[0]->local(), far.deadline_after(kCallTime),
                                         CancelToken(), std::move(options)));
  ASSERT_TRUE(made.ok());
  far.spawn(close_now(*made, &far));
  pass(kMoment);

  EXPECT_EQ(held->ends, 0) << held->status;
  EXPECT_FALSE(line->ready());
  release.set();
  dial(0);
  EXPECT_EQ(held->body, "a");
  EXPECT_EQ(served["a"], 1);
}

TEST_F(ResendLineTest, ASessionThatIsEndingSaysNothingOfTheWindowEither) {
  start();
  const auto held = send("/hold", "a");
  pass(20ms);
  cut(0);
  const auto made = far.run(client->dial(listeners[0]->local(), far.deadline_after(kCallTime)));
  ASSERT_TRUE(made.ok());
  far.spawn(close_now(*made, &far));
  ASSERT_FALSE((*made)->open());

  line->attach(**made);

  EXPECT_FALSE(line->ready());
  pass(kMoment);
  EXPECT_EQ(held->ends, 0) << held->status;
  release.set();
  dial(0);
  EXPECT_EQ(held->body, "a");
}

// It is asked until it answers, or its heartbeats say that it is dead.
TEST_F(ResendLineTest, APeerThatHangsHasForgottenNothing) {
  start();
  const auto held = send("/hold", "a", kAtLeastOnce, false, 60s);
  pass(20ms);
  cut(0);
  listeners[0].reset();
  std::unique_ptr<io::Stream> hanging;
  listeners[0] = near[0]
                     ->listen(io::Address::parse("127.0.0.1:700").value(), {},
                              [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                                hanging = std::move(stream);
                              })
                     .value();
  dial(0);
  pass(15s);
  EXPECT_EQ(held->ends, 0) << held->status;

  servers[0]->accept(std::move(hanging));
  release.set();
  pass(1s);
  EXPECT_EQ(held->body, "a") << held->status;
  EXPECT_EQ(served["a"], 1);
}

TEST_F(ResendLineTest, WhatARetiredLineLosesEndsWithItsLink) {
  start();
  const auto held = send("/hold", "a");
  const auto note = send("/hold_note", "n", kAtLeastOnce, true);
  pass(20ms);
  line->retire();
  const int wanted_before = wanted;

  cut(0);

  for (const Sent* one : {held.get(), note.get()}) {
    EXPECT_EQ(one->ends, 1);
    EXPECT_EQ(one->status.reason(), "resend.closed");
    EXPECT_EQ(one->status.outcome(), Outcome::kUnknown);
  }
  EXPECT_EQ(wanted, wanted_before) << "nobody dials for it";
}

// Between the end of its call and its return to the queue a message is no call's to end.
TEST_F(ResendLineTest, AMessageIsCancelledByAnotherThatTheLinkEnds) {
  start();
  CancelSource source;
  const auto first = send("/hold", "a", kAtMostOnce);
  const auto second = send("/hold", "b", kAtLeastOnce, false, kCallTime, source.token());
  first->then = [&] { source.cancel(); };
  pass(20ms);

  cut(0);

  EXPECT_EQ(first->ends, 1);
  EXPECT_EQ(second->ends, 1);
  EXPECT_EQ(second->status.code(), Code::kCancelled);
  EXPECT_EQ(second->status.outcome(), Outcome::kUnknown) << "it was being served";
}

// A call that no line has.
struct PlainCall final : PendingCall {
  void on_done(Status, const wire::MessageView&, const Bytes&) override { then(); }
  std::function<void()> then;
};

TEST_F(ResendLineTest, AMessageIsCancelledByAnyCallThatTheLinkEnds) {
  start();
  CancelSource source;
  PlainCall before;
  PlainCall behind;
  const auto ask = [this](PlainCall& call) {
    session->start_call(call, {.method = "/hold", .body_codec = 's'}, far.deadline_after(kCallTime),
                        CancelToken(), Bytes());
  };
  ask(before);
  const auto message = send("/hold", "b", kAtLeastOnce, false, kCallTime, source.token());
  ask(behind);
  before.then = behind.then = [&] { source.cancel(); };
  pass(20ms);

  cut(0);

  EXPECT_EQ(message->ends, 1);
  EXPECT_EQ(message->status.code(), Code::kCancelled);
}

TEST_F(ResendLineTest, WhatWasRefusedHereWasNotAnAttempt) {
  start_server();
  client.emplace(far, nothing, PeerOptions{.inflight_calls_max = 1, .hello = true},
                 Metrics::make(client_registry).value());
  line.emplace(far, line_options, client->metrics(), nullptr);
  dial(0);
  const auto held = send("/hold", "a");
  const auto unsent = send("/echo", "b");  // its session has one call under way already

  pass(50ms);

  EXPECT_EQ(held->attempts(), 1U);
  EXPECT_EQ(unsent->attempts(), 0U);
  EXPECT_EQ(client->metrics().resend_again.value(), 0U);
  release.set();
  pass(50ms);
  EXPECT_EQ(unsent->body, "b");
  EXPECT_EQ(unsent->attempts(), 1U);
}

// Two make place for a third, which finds that one of them has given another.
TEST_F(ResendLineTest, CountsOutWhatMadePlaceInVain) {
  line_options.overflow = ResendOverflow::kDropOldest;
  line_options.bytes_max = 3 * sizeof(ResentMessage);
  start_server();
  start_client();
  const auto first = send("/note", "a", kBestEffort, true);
  const auto second = send("/note", "b", kBestEffort, true);
  std::unique_ptr<Sent> third;
  first->then = [&] { third = send("/note", "c", kBestEffort, true); };

  const auto large =
      send("/note", std::string(2 * sizeof(ResentMessage) - 8, 'd'), kBestEffort, true);

  EXPECT_EQ(large->status.reason(), "resend.full");
  EXPECT_EQ(second->ends, 1);
  EXPECT_EQ(line->size(), 1U);
  EXPECT_EQ(client->metrics().resend_queue[0].value(), 1);
}

// Ends the connection of the first message that it sees.
class EndsOnce final : public Plugin {
 public:
  explicit EndsOnce(bool& ends) : Plugin("ends"), ends_(ends) {}
  Status pre_read_header(Session&, const wire::MessageView& message) override {
    if (message.kind == wire::Kind::kReply || !std::exchange(ends_, false)) return Status();
    return Status(Code::kForbidden, "test.ends", "");
  }

 private:
  bool& ends_;
};

TEST_F(ResendLineTest, WhatAPluginEndedBeforeItsHandlerWasNotServed) {
  bool ends = false;
  PluginChain plugins;
  ASSERT_TRUE(plugins.add(EndsOnce(ends)).ok());
  start_server(true, true, &plugins);
  start_client();
  for (const bool push : {false, true}) {
    dial(0);
    ends = true;
    const auto sent = send(push ? "/note" : "/echo", "a", kAtLeastOnce, push);
    pass(kMoment);
    ASSERT_FALSE(ends);
    EXPECT_EQ(sent->ends, 0);

    dial(0);

    EXPECT_EQ(sent->status.reason(), "test.ends");
    EXPECT_EQ(sent->status.outcome(), Outcome::kUnknown) << "of the first time nothing is known";
    EXPECT_EQ(served["a"], 0);
  }
  line.reset();
  stop_server();  // before its plugins
}

}  // namespace
}  // namespace fairlead::rpc
