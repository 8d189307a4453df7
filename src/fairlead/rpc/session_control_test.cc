// What two peers of ours tell each other about the link: hello, deadlines, cancel, going away.
#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    add(server_router, wire::Kind::kCall, "/wait",
        [this](Context& context) { return wait(context); });
    add(server_router, wire::Kind::kCall, "/plain", [](Context& context) {
      context.reply_with('s', Bytes(context.metadata_text()));
      return Status();
    });
    add(server_router, wire::Kind::kCall, "/no_endpoint", [](Context&) {
      return Status(Code::kNoEndpoint, "test.nobody", "nobody does the rest of the work");
    });
    add(server_router, wire::Kind::kCall, "/ask_back",
        [this](Context& context) { return ask_back(context); });
    add(client_router, wire::Kind::kCall, "/time_left", [](Context& context) {
      const Duration left = context.deadline().remaining(context.core().now());
      context.reply_with('s', Bytes(std::to_string(left / 1ms)));
      return Status();
    });
    add(client_router, wire::Kind::kCall, "/wait",
        [this](Context& context) { return wait(context); });
  }
  static void add(Router& router, wire::Kind kind, std::string_view method, auto function) {
    ASSERT_TRUE(router.add(kind, method, make_handler(function)).ok());
  }

  // Waits for 10 s or its token, and remembers how it ended.
  Task<Status> wait(Context& context) {
    ++waiting;
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(10s),
                                  context.cancel());
    --waiting;
    ended.push_back(slept.code());
    if (Buffer* out = context.begin_reply('s')) out->append("too late");
    co_return slept;
  }
  // Calls back with no word about time.
  Task<Status> ask_back(Context& context) {
    auto call = context.session().call(std::string(context.body()), 's', Bytes());
    Result<Reply> reply = co_await call;
    if (!reply.ok()) {
      asked.push_back(reply.status());
      co_return reply.status();
    }
    context.reply_with('s', reply->body);
    co_return Status();
  }

  void start(bool server_hello, bool client_hello, PeerOptions options = {}) {
    PeerOptions at_server = options;
    at_server.hello = server_hello;
    PeerOptions at_client = options;
    at_client.hello = client_hello;
    server.emplace(*core, server_router, at_server, Metrics::make(server_registry).value());
    client.emplace(*core, client_router, at_client, Metrics::make(client_registry).value());
    listener =
        core->listen(io::Address::loopback(0), {},
                     [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                       accepted = &server->accept(std::move(stream));
                       accepted->on_closed([this](Session&, const Status&) { accepted = nullptr; });
                     })
            .value();
    auto dialled = core->run(client->dial(listener->local(), core->deadline_after(5s)));
    ASSERT_TRUE(dialled.ok()) << dialled.status();
    session = *dialled;
    session->on_closed([this](Session&, const Status&) { session = nullptr; });
    ASSERT_EQ(call("/plain", {}, core->deadline_after(5s)).status(), Status());
  }
  void TearDown() override {
    for (auto* peer : {&client, &server}) {
      if (peer->has_value()) (void)core->run((*peer)->close(core->deadline_after(100ms)));
    }
  }
  Result<std::string> call(std::string method, std::string_view body, Deadline deadline = {},
                           CancelToken cancel = {}) {
    Result<Reply> reply = core->run(
        session->call(std::move(method), 's', Bytes(body), {}, deadline, std::move(cancel)));
    if (!reply.ok()) return reply.status();
    return std::string(reply->body.view());
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry server_registry;
  observe::Registry client_registry;
  Router server_router;
  Router client_router;
  std::optional<Peer> server;
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
  Session* session = nullptr;
  Session* accepted = nullptr;
  int waiting = 0;
  std::vector<Code> ended;
  std::vector<Status> asked;
};

TEST_F(ControlTest, BothSidesKnowAfterTheHello) {
  start(true, true);

  EXPECT_TRUE(session->said_hello());
  EXPECT_TRUE(accepted->said_hello());
  EXPECT_EQ(session->calls_waiting(), 0U);
}

TEST_F(ControlTest, ALinkStaysPlainWhereOneSideKnowsNoHello) {
  start(false, true);

  EXPECT_FALSE(session->said_hello());
  EXPECT_FALSE(accepted->said_hello());
  EXPECT_EQ(session->calls_waiting(), 0U) << "404 is an answer";
}

TEST_F(ControlTest, AHelloThatCameThroughAProxyIsNotAnswered) {
  start(true, false);

  const Result<Reply> reply =
      core->run(session->call("/_fl/hello", 0, Bytes(), "version=1&X-Real-IP=10.0.0.1"));

  EXPECT_EQ(reply.status().code(), Code::kNotFound);
  EXPECT_FALSE(accepted->said_hello());
}

TEST_F(ControlTest, NamesOfTheFrameworkCannotBeServed) {
  EXPECT_EQ(
      server_router
          .add(wire::Kind::kCall, "/_fl/mine", make_handler([](Context&) { return Status(); }))
          .reason(),
      "route.reserved");
}

TEST_F(ControlTest, AnUnknownHandlerSeesNoControl) {
  ASSERT_TRUE(
      server_router.add_unknown(wire::Kind::kCall, make_handler([](Context&) { return Status(); }))
          .ok());
  start(true, true);

  EXPECT_EQ(call("/_fl/other", {}).status().code(), Code::kNotFound);
  EXPECT_TRUE(call("/anything", {}).ok());
}

TEST_F(ControlTest, ADefaultTimeIsToldOnceAndAnotherOneWithItsCall) {
  start(true, true, {.call_timeout = 3s});

  EXPECT_EQ(call("/plain", {}).value(), "");
  EXPECT_THAT(call("/plain", {}, core->deadline_after(700ms)).value(),
              ::testing::MatchesRegex("X-Fl-Timeout=(700|699)"));
}

TEST_F(ControlTest, AHandlerHearsThatItsCallerGaveUp) {
  start(true, true);
  CancelSource source;
  Scope scope;
  Status result;
  const auto give_up = [](Session* on, CancelToken cancel, Status* out) -> Task<void> {
    auto call = on->call("/wait", 's', Bytes(), {}, Deadline(steady_now() + 5s), std::move(cancel));
    Result<Reply> reply = co_await call;
    *out = reply.status();
  };
  scope.spawn(give_up(session, source.token(), &result));
  turn_until([&] { return waiting == 1; });

  source.cancel();
  turn_until([&] { return waiting == 0; });

  EXPECT_EQ(result.code(), Code::kCancelled);
  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});
  EXPECT_EQ(server->metrics().calls_cancelled.value(), 1);
  EXPECT_TRUE(call("/plain", {}).ok()) << "the link goes on";
}

TEST_F(ControlTest, APlainPeerIsNotToldOfACancel) {
  start(false, true);
  CancelSource source;
  Scope scope;
  const auto give_up = [](Session* on, CancelToken cancel) -> Task<void> {
    auto call = on->call("/wait", 's', Bytes(), {}, Deadline(steady_now() + 300ms), cancel);
    Result<Reply> reply = co_await call;
    EXPECT_FALSE(reply.ok());
  };
  scope.spawn(give_up(session, source.token()));
  turn_until([&] { return waiting == 1; });

  source.cancel();
  ASSERT_TRUE(call("/plain", {}).ok());

  EXPECT_EQ(waiting, 1);
  turn_until([&] { return waiting == 0; });  // by X-Fl-Timeout, which needs no hello
}

TEST_F(ControlTest, AHandlerThatOverrunsIsAnsweredAtTheDeadlineAndHearsIt) {
  start(true, true);
  // The caller waits longer than it says, so that the server's answer is the first to come.
  const Result<Reply> reply =
      core->run(session->call("/wait", 's', Bytes(), "X-Fl-Timeout=50", core->deadline_after(5s)));

  EXPECT_EQ(reply.status().code(), Code::kHandlerTimeout);
  EXPECT_EQ(reply.status().reason(), "handler.deadline");
  EXPECT_EQ(waiting, 0);
  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});
  EXPECT_TRUE(call("/plain", {}).ok()) << "what the handler answers late goes nowhere";
}

TEST_F(ControlTest, AHandlerHasNoMoreThanTheServersOwnLimit) {
  start(true, true, {.call_timeout = 5s, .request_time_max = 40ms});

  EXPECT_EQ(call("/wait", {}).status().code(), Code::kHandlerTimeout);
}

TEST_F(ControlTest, AnExpiredCallIsRefusedBeforeItsHandlerAndMayBeRepeated) {
  start(true, true);

  const Result<Reply> reply =
      core->run(session->call("/wait", 's', Bytes(), "X-Fl-Timeout=0", core->deadline_after(5s)));

  EXPECT_EQ(reply.status().code(), Code::kExpired);
  EXPECT_EQ(reply.status().outcome(), Outcome::kNotProcessed);
  EXPECT_TRUE(ended.empty());
}

TEST_F(ControlTest, ARefusalOfAPlainPeerIsNotBelievedToBeSafe) {
  start(false, true);

  EXPECT_NE(call("/nowhere", {}).status().outcome(), Outcome::kNotProcessed);
}

TEST_F(ControlTest, WhatAHandlerCouldNotSendIsNotWhatItsCallerCouldNot) {
  start(true, true);
  EXPECT_EQ(call("/no_endpoint", {}).status().outcome(), Outcome::kProcessed);
}

TEST_F(ControlTest, NorIsItWhereThePeerIsPlain) {
  start(false, true);
  EXPECT_EQ(call("/no_endpoint", {}).status().outcome(), Outcome::kProcessed);
}

TEST_F(ControlTest, ACallMadeInAHandlerEndsALittleBeforeItsOwn) {
  start(true, true);

  const int left = std::stoi(call("/ask_back", "/time_left", core->deadline_after(400ms)).value());

  EXPECT_LE(left, 399);
  EXPECT_GE(left, 200);
}

TEST_F(ControlTest, ACancelGoesThroughToWhatTheHandlerCalled) {
  start(true, true);
  CancelSource source;
  Scope scope;
  const auto give_up = [](Session* on, CancelToken cancel) -> Task<void> {
    auto call = on->call("/ask_back", 's', Bytes("/wait"), {}, Deadline(steady_now() + 5s), cancel);
    Result<Reply> reply = co_await call;
    EXPECT_EQ(reply.status().code(), Code::kCancelled);
  };
  scope.spawn(give_up(session, source.token()));
  turn_until([&] { return waiting == 1; });  // in the client's handler

  source.cancel();
  turn_until([&] { return waiting == 0; });

  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].code(), Code::kCancelled);
}

TEST_F(ControlTest, ACallIsNotSentWhenTooLittleTimeIsLeft) {
  start(true, true, {.deadline_floor = 500ms});

  EXPECT_EQ(call("/ask_back", "/time_left", core->deadline_after(400ms)).status().code(),
            Code::kDeadlineExceeded);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].outcome(), Outcome::kNotSent);
}

TEST_F(ControlTest, AHandlerEndsWithItsSession) {
  start(true, true);
  Scope scope;
  const auto ask = [](Session* on) -> Task<void> {
    auto call = on->call("/wait", 's', Bytes(), {}, Deadline(steady_now() + 5s));
    Result<Reply> reply = co_await call;
    EXPECT_FALSE(reply.ok());
  };
  scope.spawn(ask(session));
  turn_until([&] { return waiting == 1; });

  Status closed = core->run(session->close(core->deadline_after(1ms)));
  turn_until([&] { return waiting == 0 && accepted == nullptr; });

  EXPECT_EQ(ended, std::vector<Code>{Code::kCancelled});
}

TEST_F(ControlTest, APeerThatGoesAwayEndsItsCallsAndRefusesNewOnes) {
  start(true, true);
  int told = 0;
  session->on_leaving([&](Session&) { ++told; });
  Scope scope;
  Status first;
  const auto ask = [](Session* on, Status* out) -> Task<void> {
    auto call = on->call("/wait", 's', Bytes(), {}, Deadline(steady_now() + 100ms));
    Result<Reply> reply = co_await call;
    *out = reply.status();
  };
  scope.spawn(ask(session, &first));
  turn_until([&] { return waiting == 1; });

  accepted->go_away("test", 3s);
  const Status late = call("/plain", {}).status();

  EXPECT_EQ(told, 1);
  EXPECT_TRUE(session->leaving());
  EXPECT_EQ(late.reason(), "session.going_away");
  EXPECT_EQ(late.outcome(), Outcome::kNotProcessed);
  turn_until([&] { return scope.running() == 0; });
  EXPECT_EQ(first.code(), Code::kDeadlineExceeded);
}

TEST_F(ControlTest, TheHeartbeatBehindTheWordSaysThatItWasRead) {
  start(true, true);
  ASSERT_TRUE(call("/plain", {}).ok());
  EXPECT_FALSE(server->somebody_may_not_know_going());

  accepted->announce_going("test");
  EXPECT_TRUE(server->somebody_may_not_know_going());

  const Time end = steady_now() + 10s;
  while (server->somebody_may_not_know_going() && steady_now() < end) {
    core->turn(core->deadline_after(5ms));
  }
  EXPECT_FALSE(server->somebody_may_not_know_going());
}

TEST_F(ControlTest, CallsThatCrossTheAnnouncementAreAnswered) {
  start(true, true);
  (void)call("/plain", {});  // the hello is over
  int told = 0;
  session->on_leaving([&](Session&) { ++told; });

  accepted->announce_going("test");
  const bool crossed = call("/plain", {}).ok();
  accepted->go_away("test");
  const Status late = call("/plain", {}).status();

  EXPECT_TRUE(accepted->going_announced());
  EXPECT_TRUE(crossed);
  EXPECT_EQ(late.reason(), "session.going_away");
  EXPECT_EQ(told, 1);
}

TEST_F(ControlTest, GoingIsToldToOneAfterTheOtherWithinItsTime) {
  constexpr std::size_t kCallers = 40;
  start(true, true);
  (void)call("/plain", {});
  for (std::size_t i = 1; i < kCallers; ++i) {
    auto dialled = core->run(client->dial(listener->local(), core->deadline_after(5s)));
    ASSERT_TRUE(dialled.ok()) << dialled.status();
    session = *dialled;
    ASSERT_TRUE(call("/plain", {}).ok());
  }
  std::vector<Time> told;
  client->for_each_session(
      [&](Session& each) { each.on_leaving([&](Session&) { told.push_back(core->now()); }); });
  ASSERT_EQ(server->session_count(), kCallers);

  const Time began = core->now();
  const Status spoken = core->run(server->announce_going("test", 10ms, 200ms));
  turn_until([&] { return told.size() == kCallers; });

  EXPECT_TRUE(spoken.ok()) << spoken;
  EXPECT_GE(told.back() - told.front(), 150ms);
  EXPECT_GE(core->now() - began, 190ms);
  // No piece of the time gets more than its share, two ticks' worth of it and what a late tick
  // catches up with aside.
  const auto early = std::ranges::count_if(told, [&](Time at) { return at < began + 50ms; });
  EXPECT_LE(early, static_cast<std::ptrdiff_t>(kCallers / 2));
  EXPECT_TRUE(call("/plain", {}).ok()) << "they are served";
}

TEST_F(ControlTest, NothingIsAnnouncedToAPlainPeer) {
  start(true, false);

  accepted->announce_going("test");

  EXPECT_FALSE(accepted->going_announced());
  EXPECT_TRUE(call("/plain", {}).ok());
}

TEST_F(ControlTest, AHandlerMaySendItsCallerAwayWhileItWritesTheReply) {
  add(server_router, wire::Kind::kCall, "/last", [](Context& context) {
    Buffer* out = context.begin_reply('s');
    out->append("so ");
    context.session().go_away("test");
    out->append("long");
    return Status();
  });
  start(true, true);

  EXPECT_EQ(call("/last", {}).value(), "so long");
  turn_until([&] { return session->leaving(); });
}

TEST_F(ControlTest, AClosingPeerSaysSoFirst) {
  start(true, true);
  int told = 0;
  session->on_leaving([&](Session&) { ++told; });

  Status closed = core->run(server->close(core->deadline_after(1s)));
  turn_until([&] { return session == nullptr; });

  EXPECT_TRUE(closed.ok());
  EXPECT_EQ(told, 1);
}

TEST_F(ControlTest, WordsOfControlWithoutAHelloDoNothing) {
  start(true, false);

  ASSERT_TRUE(session->push({.method = "/_fl/goaway"}, Bytes()).ok());
  ASSERT_TRUE(session->push({.method = "/_fl/cancel", .metadata = "seq=1"}, Bytes()).ok());
  ASSERT_TRUE(call("/plain", {}).ok());

  EXPECT_FALSE(accepted->leaving());
}

}  // namespace
}  // namespace fairlead::rpc
