// Messages that outlive their connections: a line of one peer, the window of another, links that
// are cut and dialled again, on virtual time.
//
// It is long, since every row of "Sent again" in docs/reference/links.md is a story about the same
// two ends.
#include "fairlead/rpc/resend_line.h"

#include <array>
#include <functional>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using enum DeliveryMode;

// One message and how it ended.
class Sent final : public ResentMessage {
 public:
  Sent(RawRequest request, wire::Kind kind) : ResentMessage(std::move(request), kind) {}

  int ends = 0;
  Status status;
  std::string body;
  std::string metadata;
  bool moves = false;
  std::function<void()> then = [] {};

 private:
  void on_result(Status ended, const wire::MessageView& reply, const Bytes&) override {
    ++ends;
    status = std::move(ended);
    body = reply.body;
    metadata = reply.metadata;
    then();
  }
  bool moves_elsewhere() override { return moves; }
};

// A server that may be restarted, on two cores, and a client whose line dials it again.
class ResendLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto add = [this](wire::Kind kind, const char* method, auto function) {
      ASSERT_TRUE(router.add(kind, method, make_handler(std::move(function))).ok());
    };
    add(wire::Kind::kCall, "/echo", [this](Context& context) {
      ++served[std::string(context.body())];
      context.add_reply_meta("from", "handler");
      context.reply_with('s', context.body_bytes());
      return Status();
    });
    add(wire::Kind::kCall, "/hold", [this](Context& context) { return hold(context); });
    add(wire::Kind::kCall, "/fail", [this](Context& context) {
      ++served[std::string(context.body())];
      return Status(Code::kConflict, "test.failed", "");
    });
    add(wire::Kind::kPush, "/note", [this](Context& context) {
      ++served[std::string(context.body())];
      notes.emplace_back(context.body());
      return Status();
    });
    add(wire::Kind::kPush, "/hold_note", [this](Context& context) { return hold(context); });
    add(wire::Kind::kPush, "/bad_note",
        [](Context&) { return Status(Code::kBadMessage, "test.bad_note", ""); });
    line_options.process = &budget;
  }
  // Answers after `release` is set.
  Task<Status> hold(Context& context) {
    ++served[std::string(context.body())];
    Status waited = co_await release.wait(context.core().timers(), Deadline(), context.cancel());
    ended.push_back(waited.code());
    if (!waited.ok()) co_return waited;
    context.reply_with(context.body_codec(), context.body_bytes());
    co_return Status();
  }

  void start_server(bool hello = true, bool keeps_windows = true) {
    windows.emplace(dedup);
    PeerOptions options{.hello = hello, .secure = secure};
    if (keeps_windows) options.windows = &*windows;
    for (std::size_t i = 0; i < 2; ++i) {
      servers[i].emplace(*near[i], router, options, Metrics::make(server_registry[i]).value());
    }
    for (std::size_t i = 0; i < 2; ++i) {
      listeners[i] =
          near[i]
              ->listen(io::Address::parse(i == 0 ? "127.0.0.1:700" : "127.0.0.1:701").value(), {},
                       [this, i](io::Core&, std::unique_ptr<io::Stream> stream) {
                         servers[i]->accept(std::move(stream));
                       })
              .value();
    }
  }
  void stop_server() {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!servers[i].has_value()) continue;
      (void)near[i]->run(servers[i]->close(near[i]->deadline_after(0ms)));
      servers[i].reset();
      listeners[i].reset();
    }
    windows.reset();
  }
  void start_client(bool hello = true) {
    client.emplace(far, nothing, PeerOptions{.call_timeout = 5s, .hello = hello, .secure = secure},
                   Metrics::make(client_registry).value());
    line.emplace(far, line_options, client->metrics(), [this] { ++wanted; });
  }
  void start() {
    start_server();
    start_client();
    dial(0);
  }
  void TearDown() override {
    line.reset();
    if (client.has_value()) (void)far.run(client->close(far.deadline_after(1s)));
    release.set();
    stop_server();
  }
  // To the server's core `to`, with the line's secret.
  void dial(std::size_t to) {
    DialOptions options;
    options.resend = &*line;
    const auto made = far.run(client->dial(listeners[to]->local(), far.deadline_after(5s),
                                           CancelToken(), std::move(options)));
    ASSERT_TRUE(made.ok()) << made.status();
    session = *made;
    session->on_closed([this](Session& gone, const Status&) {
      if (session == &gone) session = nullptr;
    });
    pass(20ms);
  }
  // From the server's side, whatever it is doing.
  void cut(std::size_t at) {
    servers[at]->for_each_session(
        [&](Session& one) { near[at]->spawn(close_now(&one, near[at])); });
    pass(20ms);
  }
  static Task<void> close_now(Session* session, io::Core* core) {
    Status closed = co_await session->close(Deadline(core->now()));
    (void)closed;
  }
  void pass(Duration time) { far.run(sleep(&far, time)); }
  static Task<void> destroy_when_empty(std::optional<ResendLine>* line) {
    const Status heard = co_await (*line)->empty(CancelToken());
    EXPECT_TRUE(heard.ok());
    line->reset();
  }
  static Task<void> sleep(io::Core* core, Duration time) {
    Status slept = co_await Sleep(core->timers(), core->deadline_after(time));
    EXPECT_TRUE(slept.ok());
  }
  std::unique_ptr<Sent> send(std::string method, std::string body, DeliveryMode mode = kAtLeastOnce,
                             bool push = false, Duration within = 5s, CancelToken cancel = {}) {
    auto sent = std::make_unique<Sent>(RawRequest{.method = std::move(method),
                                                  .body_codec = codec,
                                                  .body = Bytes(body),
                                                  .secure = form,
                                                  .delivery = mode},
                                       push ? wire::Kind::kPush : wire::Kind::kCall);
    line->start(*sent, far.deadline_after(within), cancel);
    return sent;
  }
  std::uint64_t dedup_hits() const {
    return servers[0]->metrics().dedup_hits.value() + servers[1]->metrics().dedup_hits.value();
  }

  io::Simulation simulation{1};
  std::array<io::Core*, 2> near{&simulation.add_core("server 0"), &simulation.add_core("server 1")};
  io::Core& far = simulation.add_core("client");
  observe::Registry server_registry[2];
  observe::Registry client_registry;
  Router router;
  Router nothing;
  DuplicateOptions dedup;
  std::optional<DuplicateWindows> windows;
  std::array<std::optional<Peer>, 2> servers;
  std::array<std::unique_ptr<io::Listener>, 2> listeners;
  ResendBudget budget;
  ResendOptions line_options;
  const SecureBodies* secure = nullptr;  // both sides'
  wire::SecureForm form = wire::SecureForm::kPlain;
  std::uint8_t codec = 's';
  std::optional<Peer> client;
  std::optional<ResendLine> line;
  Session* session = nullptr;
  int wanted = 0;
  Event release;
  std::map<std::string, int> served;
  std::vector<std::string> notes;
  std::vector<Code> ended;
};

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

// A restarted server has no window: perhaps it was served, and is not served again.
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
