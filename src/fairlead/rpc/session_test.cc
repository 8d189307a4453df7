#include "fairlead/rpc/session.h"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

Status echo(Context& context) {
  Buffer* out = context.begin_reply(context.wanted_reply_codec());
  if (out != nullptr) out->append(context.body());
  return {};
}

Task<Status> slow_echo(Context& context) {
  const std::optional<std::string> wait = context.meta("ms");
  const Duration duration = std::chrono::milliseconds(wait ? std::stoi(*wait) : 0);
  Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(duration),
                                context.cancel());
  if (!slept.ok()) co_return slept;
  co_return echo(context);
}

Task<Status> call_back(Context& context) {
  auto call = context.session().call("/cb/ask", 's', context.body_bytes());
  Result<Reply> answer = co_await call;
  if (!answer.ok()) co_return answer.status();
  context.add_reply_meta("asked", "yes");
  if (Buffer* out = context.begin_reply('s')) out->append(answer->body.view());
  co_return Status();
}

// Two peers on one core, connected over TCP.
class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto add = [&](Router& router, wire::Kind kind, const char* method, auto function) {
      ASSERT_TRUE(router.add(kind, method, make_handler(function)).ok());
    };
    using enum wire::Kind;
    add(server_router, kCall, "/echo", echo);
    add(server_router, kCall, "/slow", slow_echo);
    add(server_router, kCall, "/call_back", call_back);
    add(server_router, kCall, "/throw",
        [](Context&) -> Status { throw std::runtime_error("boom"); });
    add(server_router, kCall, "/throw_later", [](Context&) -> Task<Status> {
      throw 7;
      co_return Status();
    });
    add(server_router, kCall, "/fail", [](Context& context) {
      if (Buffer* out = context.begin_reply('s')) out->append("half a body");
      return Status(static_cast<Code>(1001), "test.failed", "a=b&c").with_cause("");
    });
    add(server_router, kCall, "/mirror", [](Context& context) {
      context.reply_with(context.body_codec(), context.body_bytes());
      return Status();
    });
    add(server_router, kCall, "/fail_with_much_metadata", [](Context& context) {
      context.add_reply_meta("much", std::string(70'000, 'm'));
      return Status(static_cast<Code>(1002), "test.failed", "told all the same");
    });
    add(server_router, kCall, "/nothing", [](Context&) { return Status(); });
    add(server_router, kPush, "/push", [this](Context& context) {
      pushed.emplace_back(context.body());
      return Status();
    });
    add(client_router, kCall, "/cb/ask", [](Context& context) {
      if (Buffer* out = context.begin_reply('s')) {
        out->append("asked:");
        out->append(context.body());
      }
      return Status();
    });
  }
  void start(PeerOptions options = {}) {
    ASSERT_TRUE(options.validate().ok());
    server.emplace(*core, server_router, options, Metrics::make(server_registry).value());
    client.emplace(*core, client_router, options, Metrics::make(client_registry).value());
    listener = core->listen(io::Address::loopback(0), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              accepted = &server->accept(std::move(stream));
                            })
                   .value();
    auto dialled = core->run(client->dial(listener->local(), core->deadline_after(5s)));
    ASSERT_TRUE(dialled.ok()) << dialled.status();
    session = *dialled;
    session->on_closed([this](Session&, const Status&) { session = nullptr; });
  }
  void TearDown() override {
    for (auto* peer : {&client, &server}) {
      if (peer->has_value()) (void)core->run((*peer)->close(core->deadline_after(100ms)));
    }
    server.reset();
    client.reset();
    listener.reset();
  }
  Result<Reply> call(std::string method, std::string_view body, std::string metadata = {},
                     Deadline deadline = {}) {
    return core->run(
        session->call(std::move(method), 's', Bytes(body), std::move(metadata), deadline));
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }
  // A plain stream to the server, for bytes that no peer of ours would send.
  struct Probe final : io::StreamHandler {
    io::ReadResult on_read(const Bytes& input) override {
      received.append(input.view());
      return {input.size(), 0};
    }
    void on_end() override { stream->close(); }
    void on_close(Status) override { closed = true; }
    std::unique_ptr<io::Stream> stream;
    std::string received;
    bool closed = false;
  };
  std::unique_ptr<Probe> probe(std::string_view bytes) {
    auto made = std::make_unique<Probe>();
    made->stream =
        core->run(core->connect(listener->local(), core->deadline_after(5s), {})).value();
    made->stream->start(*made);
    made->stream->output().append(bytes);
    made->stream->wrote();
    return made;
  }

  observe::Registry server_registry;
  observe::Registry client_registry;
  Router server_router;
  Router client_router;
  std::vector<std::string> pushed;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<Peer> server;
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
  Session* session = nullptr;
  Session* accepted = nullptr;
};

TEST_F(SessionTest, CarriesACallAndItsReply) {
  start();
  const Result<Reply> reply = call("/echo", "hello");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "hello");
  EXPECT_EQ(reply->body_codec, 's');
  EXPECT_EQ(call("/nothing", "x")->body.size(), 0U);
}

TEST_F(SessionTest, CarriesBodiesOfEverySize) {
  start();
  for (const std::size_t size : {0U, 1U, 600U, 65'536U, 70'000U, 1'000'000U, 8'000'000U}) {
    const std::string body(size, 'b');
    const Result<Reply> reply = call("/echo", body);
    ASSERT_TRUE(reply.ok()) << size << " " << reply.status();
    EXPECT_EQ(reply->body.view(), body);
  }
}

// From io::Stream::kSharedBytesMin on the body is shared on both ways, not copied.
TEST_F(SessionTest, CarriesBodiesThatAreSharedInsteadOfCopied) {
  start();
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 100'000U, 3'000'000U}) {
    const std::string body(size, 'b');
    const auto reply = call("/mirror", body);
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->body.view(), body);
  }
}

TEST_F(SessionTest, RefusesASharedBodyOverTheFrameLimitAndGoesOn) {
  start({.limits = {.frame_bytes_max = 100'000}});

  EXPECT_EQ(call("/mirror", std::string(100'000, 'b')).status().reason(), "frame.too_big");
  EXPECT_EQ(call("/mirror", "small").value().body.view(), "small");
}

TEST_F(SessionTest, AnswersAnErrorWithoutMetadataThatFitsNoFrame) {
  start();

  const auto reply = call("/fail_with_much_metadata", "");

  EXPECT_EQ(reply.status().reason(), "test.failed");
  EXPECT_EQ(reply.status().message(), "told all the same");
}

TEST_F(SessionTest, KeepsManyCallsInFlightAndNeverMixesTheirReplies) {
  start();
  constexpr int kCalls = 500;
  int done = 0;
  Scope scope;
  const auto one = [](Session* on, int number, int* count) -> Task<void> {
    const std::string body = "body " + std::to_string(number);
    auto call = on->call(number % 2 == 0 ? "/echo" : "/slow", 's', Bytes(body),
                         "ms=" + std::to_string(number % 7));
    Result<Reply> reply = co_await call;
    if (reply.ok() && reply->body.view() == body) ++*count;
  };
  for (int i = 0; i < kCalls; ++i) scope.spawn(one(session, i, &done));
  turn_until([&] { return scope.running() == 0; });
  EXPECT_EQ(done, kCalls);
}

TEST_F(SessionTest, LetsTheServerCallTheClientOverTheSameConnection) {
  start();
  const Result<Reply> reply = call("/call_back", "who");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "asked:who");
  EXPECT_EQ(reply->metadata, "asked=yes");
}

TEST_F(SessionTest, PushesInOrderWithoutReply) {
  start();
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    EXPECT_TRUE(session
                    ->push({.method = "/push", .body_codec = 's'},
                           [&](Buffer& out) {
                             out.append(body);
                             return Status();
                           })
                    .ok());
  }
  turn_until([&] { return pushed.size() == 50; });
  EXPECT_EQ(pushed.front(), "0");
  EXPECT_EQ(pushed.back(), "49");
  EXPECT_EQ(client->metrics().pushes_sent.value(), 50U);
}

TEST_F(SessionTest, AnswersUnknownMethodsAndWrongKinds) {
  start();
  const Status unknown = call("/ecno", "x").status();
  EXPECT_EQ(unknown.code(), Code::kNotFound);
  EXPECT_EQ(unknown.reason(), "route.unknown");
  EXPECT_NE(unknown.message().find("did you mean '/echo'"), std::string_view::npos);
  EXPECT_EQ(call("/push", "x").status().reason(), "route.kind");
  EXPECT_TRUE(session->push({.method = "/nobody"}, [](Buffer&) { return Status(); }).ok());
  EXPECT_TRUE(call("/echo", "still here").ok());
  EXPECT_EQ(server->metrics().pushes_failed.value(), 1U);
}

TEST_F(SessionTest, AnswersWhatAHandlerThrowsAndHarmsNobodyElse) {
  start();
  const Status thrown = call("/throw", "x").status();
  EXPECT_EQ(thrown.code(), Code::kInternal);
  EXPECT_EQ(thrown.reason(), "handler.threw");
  ASSERT_NE(thrown.cause(), nullptr);
  EXPECT_EQ(*thrown.cause(), "boom");
  EXPECT_EQ(call("/throw_later", "x").status().reason(), "handler.threw");
  EXPECT_TRUE(call("/echo", "fine").ok());
}

TEST_F(SessionTest, DropsAHalfWrittenBodyWhenTheHandlerFails) {
  start();
  const Status failed = call("/fail", "x").status();
  EXPECT_EQ(failed.code(), static_cast<Code>(1001));
  EXPECT_EQ(failed.reason(), "test.failed");
  EXPECT_EQ(failed.message(), "a=b&c");
  ASSERT_NE(failed.cause(), nullptr);
  EXPECT_EQ(*failed.cause(), "");
  EXPECT_TRUE(call("/echo", "fine").ok());
}

TEST_F(SessionTest, EndsACallAtItsDeadlineAndDropsTheLateReply) {
  start();
  const Status late = call("/slow", "x", "ms=60", core->deadline_after(10ms)).status();
  EXPECT_EQ(late.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(late.outcome(), Outcome::kUnknown);
  turn_until([&] { return client->metrics().replies_late.value() == 1; });
  EXPECT_EQ(call("/echo", "x", "", Deadline(core->now())).status().outcome(), Outcome::kNotSent);
  EXPECT_TRUE(call("/echo", "fine").ok());
}

// One timer of the session watches all deadlines, whatever their order.
TEST_F(SessionTest, EndsEachOfManyCallsAtItsOwnDeadline) {
  start();
  const auto late_by = [](Session* from, Duration patience, Duration* out) -> Task<void> {
    io::Core& clock = from->core();
    const Time sent = clock.now();
    auto call = from->call("/slow", 's', Bytes(), "ms=5000", Deadline(sent + patience));
    Result<Reply> reply = co_await call;
    // The peer knows the deadline too, and may be the first to say so.
    EXPECT_TRUE(reply.status().code() == Code::kDeadlineExceeded ||
                reply.status().code() == Code::kHandlerTimeout)
        << reply.status();
    *out = clock.now() - sent - patience;
  };
  std::vector<Duration> late(60, Duration::max());
  Scope scope;
  for (std::size_t i = 0; i < late.size(); ++i) {
    const auto patience = std::chrono::milliseconds(1 + (i * 37) % 97);
    scope.spawn(late_by(session, patience, &late[i]));
  }

  turn_until([&] { return scope.running() == 0; });

  for (const Duration by : late) EXPECT_GE(by, Duration::zero());
}

// What ends in a deadline's turn may start further calls, which make the table grow meanwhile.
TEST_F(SessionTest, LetsTheEndOfACallStartOthersWhileDeadlinesPass) {
  start();
  const auto retry = [](Session* from, int* count) -> Task<void> {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const Deadline soon = from->core().deadline_after(5ms);
      auto call = from->call("/slow", 's', Bytes(), "ms=5000", soon);
      Result<Reply> reply = co_await call;
      EXPECT_EQ(reply.status().reason(), "call.deadline");
      ++*count;
    }
  };
  int ended = 0;
  Scope scope;
  for (int i = 0; i < 100; ++i) scope.spawn(retry(session, &ended));

  turn_until([&] { return scope.running() == 0; });

  EXPECT_EQ(ended, 400);
  EXPECT_EQ(session->calls_waiting(), 0U);
}

TEST_F(SessionTest, TellsAHandlerTheCallersDeadlineAndAnswersWhenItOverruns) {
  start();
  EXPECT_EQ(call("/echo", "x", "X-Fl-Timeout=0").status().reason(), "call.expired");
  EXPECT_EQ(call("/slow", "x", "ms=30&X-Fl-Timeout=10").status().reason(), "handler.deadline");
  EXPECT_TRUE(call("/slow", "x", "ms=1&X-Fl-Timeout=500").ok());
  EXPECT_TRUE(call("/slow", "x", "ms=1&X-Fl-Timeout=soon").ok()) << "nonsense is ignored";
}

TEST_F(SessionTest, ForgetsACallThatIsCancelled) {
  start();
  CancelSource cancel;
  const auto body = [](Session* on, CancelToken token, Status* out) -> Task<void> {
    auto call = on->call("/slow", 's', Bytes("x"), "ms=500", Deadline(), std::move(token));
    Result<Reply> reply = co_await call;
    *out = reply.status();
  };
  Scope scope;
  Status ended;
  scope.spawn(body(session, cancel.token(), &ended));
  EXPECT_EQ(session->calls_waiting(), 1U);
  cancel.cancel();
  EXPECT_EQ(ended.reason(), "call.cancelled");
  EXPECT_EQ(session->calls_waiting(), 0U);
}

TEST_F(SessionTest, RefusesMoreCallsThanItsLimitsAllow) {
  start({.inflight_calls_max = 2});
  Scope scope;
  std::vector<Status> ended;
  const auto body = [](Session* on, std::vector<Status>* out) -> Task<void> {
    auto call = on->call("/slow", 's', Bytes("x"), "ms=20");
    Result<Reply> reply = co_await call;
    out->push_back(reply.status());
  };
  for (int i = 0; i < 3; ++i) scope.spawn(body(session, &ended));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].reason(), "session.inflight");
  EXPECT_EQ(ended[0].outcome(), Outcome::kNotSent);
  turn_until([&] { return ended.size() == 3; });
  EXPECT_TRUE(ended[2].ok());
}

TEST_F(SessionTest, AnswersOverloadedWhenTooManyHandlersRun) {
  start({.inflight_calls_max = 2});
  std::string bytes;
  {
    Buffer frames;
    for (std::int32_t seq = 1; seq <= 3; ++seq) {
      ASSERT_TRUE(wire::raw::append(frames,
                                    {.seq = seq,
                                     .kind = wire::Kind::kCall,
                                     .body_codec = 's',
                                     .method = "/slow",
                                     .metadata = "ms=5"},
                                    "x", {})
                      .ok());
    }
    bytes = frames.view();
  }
  const auto raw = probe(bytes);
  turn_until([&] { return raw->received.find("session.inflight") != std::string::npos; });
  EXPECT_EQ(server->metrics().calls_refused.value(), 1U);
  turn_until([&] { return accepted->handlers_running() == 0; });
}

TEST_F(SessionTest, RefusesAFrameThatClaimsTwoGibibytesAndClosesOnlyThatConnection) {
  start();
  Buffer frame;
  ASSERT_TRUE(
      wire::raw::append(frame, {.seq = 5, .kind = wire::Kind::kCall, .method = "/echo"}, "x", {})
          .ok());
  std::string bytes(frame.view());
  bytes.replace(0, 4, std::string("\x7F\xFF\xFF\xFF", 4));
  const auto raw = probe(bytes);
  turn_until([&] { return raw->closed; });

  wire::MessageView reply;
  const auto parsed = wire::raw::parse(raw->received, {}, reply);
  ASSERT_EQ(parsed.state, wire::raw::FrameResult::State::kFrame);
  EXPECT_EQ(reply.seq, 5);
  EXPECT_EQ(wire::parse_status_text(reply.status).code(), Code::kTooLarge);
  EXPECT_EQ(server->metrics().protocol_errors.value(), 1U);
  EXPECT_TRUE(call("/echo", "others feel nothing").ok());
}

TEST_F(SessionTest, ClosesAConnectionThatSendsGarbage) {
  start();
  for (const std::string_view garbage :
       {std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string_view("\0\0\0\0", 4),
        std::string_view("\0\0\0\x14\0\x01!\x09\0\0\0\0\0\0\0\0\0\0\0\0", 20)}) {
    const auto raw = probe(garbage);
    turn_until([&] { return raw->closed; });
  }
  EXPECT_EQ(server->metrics().protocol_errors.value(), 3U);
  EXPECT_TRUE(call("/echo", "others feel nothing").ok());
}

TEST_F(SessionTest, WaitsForTheRestOfACallThatComesByteByByte) {
  start();
  Buffer frame;
  ASSERT_TRUE(
      wire::raw::append(frame,
                        {.seq = 1, .kind = wire::Kind::kCall, .body_codec = 's', .method = "/echo"},
                        "slowly", {})
          .ok());
  const auto raw = probe("");
  for (const char byte : frame.view()) {
    raw->stream->output().append(byte);
    raw->stream->wrote();
    core->turn(core->deadline_after(1ms));
  }
  turn_until([&] { return raw->received.find("slowly") != std::string::npos; });
}

TEST_F(SessionTest, DoesNotWaitForAFrameWhoseTransformItDoesNotKnow) {
  start();
  const auto raw = probe(std::string_view("\0\x10\0\0\x01\x07", 6));  // a MiB, packed by 0x07
  turn_until([&] { return raw->closed; });
  EXPECT_EQ(server->metrics().protocol_errors.value(), 1U);
}

TEST_F(SessionTest, FailsWaitingCallsWhenTheConnectionIsLost) {
  start();
  Scope scope;
  Status ended;
  const auto body = [](Session* on, Status* out) -> Task<void> {
    auto call = on->call("/slow", 's', Bytes("x"), "ms=400");
    Result<Reply> reply = co_await call;
    *out = reply.status();
  };
  scope.spawn(body(session, &ended));
  turn_until([&] { return accepted != nullptr && accepted->handlers_running() == 1; });
  (void)core->run(server->close(Deadline(core->now())));
  turn_until([&] { return !ended.ok(); });
  EXPECT_EQ(ended.code(), Code::kConnectionClosed);
  EXPECT_EQ(ended.outcome(), Outcome::kUnknown);
  EXPECT_EQ(session, nullptr) << "on_closed was called";
}

TEST_F(SessionTest, TellsTheSentFromTheUnsentWhenTheConnectionIsLost) {
  start();
  std::unique_ptr<io::Stream> silent;  // a peer that never reads
  auto deaf = core->listen(io::Address::loopback(0), {},
                           [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                             silent = std::move(stream);
                           })
                  .value();
  Session* lost = core->run(client->dial(deaf->local(), core->deadline_after(5s))).value();
  Scope scope;
  std::vector<Status> ended;
  const auto body = [](Session* on, std::size_t size, std::vector<Status>* out) -> Task<void> {
    auto call = on->call("/echo", 's', Bytes(std::string(size, 'x')));
    Result<Reply> reply = co_await call;
    out->push_back(reply.status());
  };
  scope.spawn(body(lost, 8'000'000, &ended));  // more than the system's buffers take
  core->turn(core->deadline_after(10ms));
  scope.spawn(body(lost, 1, &ended));
  core->turn(core->deadline_after(10ms));
  silent.reset();  // resets the connection: there are unread bytes

  turn_until([&] { return ended.size() == 2; });
  EXPECT_EQ(ended[0].outcome() == Outcome::kUnknown, ended[1].outcome() == Outcome::kNotSent);
  EXPECT_NE(ended[0].outcome(), ended[1].outcome());
}

TEST_F(SessionTest, DrainsRunningHandlersBeforeItCloses) {
  start();
  Scope scope;
  Result<Reply> reply = Status(Code::kInternal, "test.unset", "");
  const auto body = [](Session* on, Result<Reply>* out) -> Task<void> {
    auto call = on->call("/slow", 's', Bytes("drained"), "ms=30");
    *out = co_await call;
  };
  scope.spawn(body(session, &reply));
  turn_until([&] { return accepted != nullptr && accepted->handlers_running() == 1; });

  const Status closed = core->run(server->close(core->deadline_after(5s)));

  EXPECT_TRUE(closed.ok()) << closed;
  turn_until([&] { return scope.running() == 0; });
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "drained");
}

TEST_F(SessionTest, BoundsWhatWaitsForAPeerThatDoesNotRead) {
  start({.write_queue_bytes_max = 64 * 1024});
  Buffer frames;
  const std::string body(30'000, 'x');
  for (std::int32_t seq = 1; seq <= 400; ++seq) {
    ASSERT_TRUE(wire::raw::append(
                    frames, {.seq = seq, .kind = wire::Kind::kCall, .method = "/echo"}, body, {})
                    .ok());
  }
  const auto raw = probe(frames.view());
  raw->stream->pause();
  turn_until([&] { return server->session_count() == 1; });
  EXPECT_TRUE(call("/echo", "others feel nothing").ok());
}

TEST(PeerOptions, AreCheckedBeforeAnythingStarts) {
  EXPECT_TRUE(PeerOptions().validate().ok());
  EXPECT_EQ(PeerOptions{.inflight_calls_max = 0}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(PeerOptions{.write_queue_bytes_max = 1}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(PeerOptions{.call_timeout = Duration(0)}.validate().reason(), "peer.bad_option");
}

// What a core shows of itself: whoever looks for a handler that holds it must find the right one.
std::string method_shown(io::Core& core) {
  const std::string* method = core.activity().method;
  return method != nullptr ? *method : "none";
}

TEST_F(SessionTest, TellsTheCoreWhichHandlerRunsUntilItEndsOrWaits) {
  std::vector<std::string> seen;
  const auto plain = [&seen](Context& context) {
    seen.push_back(method_shown(context.core()));
    context.core().post([&seen, &core = context.core()] { seen.push_back(method_shown(core)); });
    return Status();
  };
  struct Waiting {
    std::vector<std::string>* seen;
    Task<Status> operator()(Context& context) const {
      seen->push_back(method_shown(context.core()));
      Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(1ms));
      seen->push_back(method_shown(context.core()));
      co_return slept;
    }
  };
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/plain", make_handler(plain)).ok());
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/waiting", make_handler(Waiting{&seen})).ok());
  start();

  EXPECT_TRUE(call("/plain", "").ok());
  EXPECT_TRUE(call("/waiting", "").ok());

  EXPECT_EQ(seen, (std::vector<std::string>{"/plain", "none", "/waiting", "none"}));
}

}  // namespace
}  // namespace fairlead::rpc
