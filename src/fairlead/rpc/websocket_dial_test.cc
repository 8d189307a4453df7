// Sessions that are dialled over WebSocket, with a server of HTTP at the other end.
#include "fairlead/rpc/websocket_dial.h"

#include <list>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/server.h"
#include "fairlead/http/websocket_accept.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/http_mapping.h"
#include "fairlead/rpc/peer.h"
#include "tests/testkit/certificates.h"
#include "tests/testkit/heap.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

Task<Result<http::Response>> give(http::Response response) { co_return std::move(response); }

Status echo(Context& context) {
  context.reply_with(context.wanted_reply_codec(), context.body_bytes());
  return {};
}

// A peer that is reached by a server of HTTP on the same core.
class WebSocketDialTest : public ::testing::Test {
 protected:
  WebSocketDialTest() {
    add(serving_routes, wire::Kind::kCall, "/echo", echo);
    add(serving_routes, wire::Kind::kCall, "/wait", [](Context& context) -> Task<Status> {
      Sleep sleep(context.core().timers(), context.core().deadline_after(50ms), {});
      Status slept = co_await sleep;
      if (!slept.ok()) co_return slept;
      co_return echo(context);
    });
    add(serving_routes, wire::Kind::kPush, "/push", [this](Context& context) {
      pushed.emplace_back(context.body());
      return Status();
    });
    add(calling_routes, wire::Kind::kCall, "/back", echo);
  }
  void TearDown() override {
    if (server != nullptr) {
      EXPECT_TRUE(core->run(calling.close(core->deadline_after(5s))).ok());
      EXPECT_TRUE(core->run(serving.close(core->deadline_after(5s))).ok());
      listener.reset();
      EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    }
    core->turn(Deadline(core->now()));
  }
  template <class Function>
  static void add(Router& routes, wire::Kind kind, std::string_view method, Function function) {
    ASSERT_TRUE(routes.add(kind, method, make_handler(std::move(function))).ok());
  }

  // Opens a WebSocket for whoever asks, unless `refusal` says something else.
  http::Response answer(const http::Request& request) {
    asked_token = std::string(bearer_token(request.fields));
    asked_host = request.authority;
    asked_target = request.target;
    if (refusal.has_value()) return std::move(*refusal);
    http::WebSocketAcceptOptions options;
    options.protocols = known_protocols;
    options.socket =
        std::make_shared<const http::WebSocketOptions>(websocket_options(serving.options().limits));
    return http::accept_websocket(
        *core, request, options, [this](std::unique_ptr<http::WebSocket> socket) {
          const auto protocol = protocol_of_websocket(socket->protocol());
          accepted = &serving.accept(stream_over(*core, std::move(socket), *protocol), *protocol);
        });
  }
  void listen(std::shared_ptr<const io::TlsContext> tls = nullptr) {
    const auto handler = [this](http::Request& request) { return give(answer(request)); };
    server = http::Server::make(*core, {}, handler).value();
    const auto accept = [this, tls](io::Core& on, std::unique_ptr<io::Stream> stream) {
      if (tls != nullptr) stream = io::tls_wrap(on, std::move(stream), tls);
      server->adopt(std::move(stream));
    };
    listener = core->listen(io::Address::loopback(0), {}, accept).value();
  }
  Status dial(DialOptions options) {
    if (!options.websocket.has_value()) options.websocket = WebSocketWay{.target = "/rpc?zone=1"};
    const Result<Session*> made = core->run(
        calling.dial(listener->local(), core->deadline_after(patience), {}, std::move(options)));
    session = made.ok() ? *made : nullptr;
    if (session != nullptr) {
      session->on_closed([this](Session&, const Status&) { session = nullptr; });
    }
    return made.status();
  }
  static Task<Result<Reply>> ask(Session& whom, std::string method, Bytes body) {
    RawCall call;
    const CallHead head{.method = method, .body_codec = 's'};
    whom.start_call(call, head, whom.core().deadline_after(10s), {}, body);
    Result<Reply> reply = co_await call;
    co_return reply;
  }
  Result<Reply> call(Session& whom, const std::string& method, std::string_view body) {
    return core->run(ask(whom, method, Bytes(body)));
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Duration patience = 5s;
  Router serving_routes;
  Router calling_routes;
  Peer serving{*core, serving_routes, {}};
  Peer calling{*core, calling_routes, {}};
  std::unique_ptr<http::Server> server;
  std::unique_ptr<io::Listener> listener;
  std::vector<std::string> known_protocols{"json", "pb", "raw"};
  std::optional<http::Response> refusal;
  std::string asked_token;
  std::string asked_host;
  std::string asked_target;
  std::vector<std::string> pushed;
  Session* session = nullptr;   // the dialling side's
  Session* accepted = nullptr;  // the other's
};

class WebSocketDialOver : public WebSocketDialTest,
                          public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    listen();
    const Status dialled = dial({.protocol = wire::find_protocol(GetParam())});
    ASSERT_TRUE(dialled.ok()) << dialled;
  }
};
INSTANTIATE_TEST_SUITE_P(All, WebSocketDialOver, ::testing::Values("raw", "json", "pb"));

TEST_P(WebSocketDialOver, CallsAndPushesGoToTheServer) {
  const Result<Reply> reply = call(*session, "/echo", "hello");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "hello");
  EXPECT_EQ(call(*session, "/nobody", "").status().reason(), "route.unknown");

  ASSERT_TRUE(
      session->push({.method = "/push", .body_codec = 's'}, Bytes(std::string_view("up"))).ok());
  turn_until([this] { return !pushed.empty(); });

  EXPECT_EQ(pushed, std::vector<std::string>{"up"});
  EXPECT_EQ(asked_target, "/rpc?zone=1");
  EXPECT_EQ(asked_host, listener->local().to_text());
}

TEST_P(WebSocketDialOver, TheServerCallsBack) {
  const Result<Reply> reply = call(*accepted, "/back", "who are you");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "who are you");
}

TEST_P(WebSocketDialOver, LargeBodiesGoBothWays) {
  for (const std::size_t size : {64U * 1024U - 1U, 64U * 1024U + 1U, 5U << 20U}) {
    const std::string body(size, 'x');
    const Result<Reply> reply = call(*session, "/echo", body);
    ASSERT_TRUE(reply.ok()) << size << ": " << reply.status();
    EXPECT_TRUE(reply->body.view() == body) << size;
  }
}

TEST_P(WebSocketDialOver, ManyCallsAreInFlightAtOnce) {
  std::list<RawCall> calls;
  for (int i = 0; i < 500; ++i) {
    session->start_call(calls.emplace_back(), {.method = "/wait", .body_codec = 's'}, Deadline(),
                        {}, Bytes(std::to_string(i)));
  }

  turn_until([this] { return session->calls_waiting() == 0; });

  int i = 0;
  for (RawCall& one : calls) EXPECT_EQ(one.await_resume()->body.view(), std::to_string(i++));
}

TEST_P(WebSocketDialOver, ALostConnectionTellsWhatBecameOfEachCall) {
  RawCall sent;
  RawCall unsent;
  session->start_call(sent, {.method = "/wait", .body_codec = 's'}, core->deadline_after(10s), {},
                      Bytes());
  turn_until([this] { return accepted->handlers_running() == 1; });
  session->on_closed({});
  core->spawn([](Session& lost) -> Task<void> {
    [[maybe_unused]] const Status cut = co_await lost.close(Deadline(lost.core().now()));
  }(*accepted));
  // Behind more than the connection takes at once, so that it is still ours when that ends.
  std::list<RawCall> before(8);
  for (RawCall& one : before) {
    session->start_call(one, {.method = "/echo", .body_codec = 's'}, core->deadline_after(10s), {},
                        Bytes(std::string(1U << 20U, 'x')));
  }
  session->start_call(unsent, {.method = "/echo", .body_codec = 's'}, core->deadline_after(10s), {},
                      Bytes());

  turn_until([&] { return !unsent.waiting(); });

  const Result<Reply> lost = sent.await_resume();
  EXPECT_EQ(lost.status().reason(), "session.closed");
  EXPECT_EQ(lost.status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(unsent.await_resume().status().outcome(), Outcome::kNotSent);
}

TEST_P(WebSocketDialOver, ADrainLetsRunningCallsEnd) {
  RawCall running;
  session->start_call(running, {.method = "/wait", .body_codec = 's'}, core->deadline_after(10s),
                      {}, Bytes(std::string_view("late")));
  turn_until([this] { return accepted->handlers_running() == 1; });

  const Status drained = core->run(serving.close(core->deadline_after(5s)));

  EXPECT_TRUE(drained.ok()) << drained;
  turn_until([&] { return !running.waiting(); });
  const Result<Reply> reply = running.await_resume();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "late");
  turn_until([this] { return session == nullptr; });
}

// bad-inputs 4, beyond 6: both ends of each connection, without what the kernel holds.
TEST_P(WebSocketDialOver, Beyond6HoldsFewBytesForAnIdleSession) {
  constexpr int kSessions = 200;
  const auto before = testkit::heap();

  for (int i = 0; i < kSessions; ++i) {
    const Status dialled = dial({.protocol = wire::find_protocol(GetParam())});
    ASSERT_TRUE(dialled.ok()) << dialled;
    session->on_closed({});
  }
  core->turn(Deadline(core->now()));

  EXPECT_LT((testkit::heap().bytes - before.bytes) / kSessions, 20'000);
}

TEST_F(WebSocketDialTest, CarriesNoOtherProtocols) {
  listen();
  const Status refused = dial({.protocol = wire::find_protocol("thrift-binary")});
  EXPECT_EQ(refused.code(), Code::kInvalidOperation);
  EXPECT_EQ(refused.reason(), "dial.no_sub_protocol");
  EXPECT_TRUE(asked_target.empty()) << "nobody was asked";
}

TEST_F(WebSocketDialTest, ARefusalIsTheStatusThatItsProblemTells) {
  listen();
  const Status full(Code::kOverloaded, "websocket.too_many", "as many as may be are open");
  refusal = http::problem_response(full, "id");
  const Status refused = dial({});
  EXPECT_EQ(refused, full) << refused;
  EXPECT_EQ(refused.outcome(), Outcome::kNotSent);
}

TEST_F(WebSocketDialTest, ARefusalWithoutAProblemIsItsHttpStatus) {
  listen();
  for (const char* type : {"text/plain", "application/problem+json"}) {
    refusal = http::Response::typed(403, type, "{no json");
    const Status refused = dial({});
    EXPECT_EQ(refused.code(), Code::kForbidden);
    EXPECT_EQ(refused.reason(), "websocket.refused");
    EXPECT_EQ(refused.outcome(), Outcome::kNotSent);
    ASSERT_NE(refused.cause(), nullptr);
    EXPECT_EQ(*refused.cause(), "{no json");
  }
}

TEST_F(WebSocketDialTest, AServerThatDoesNotKnowTheSubProtocolIsNotCalled) {
  known_protocols = {"mqtt"};
  listen();
  const Status refused = dial({.protocol = wire::find_protocol("json")});
  EXPECT_EQ(refused.reason(), "websocket.no_protocol");
  EXPECT_EQ(refused.outcome(), Outcome::kNotSent);
}

TEST_F(WebSocketDialTest, ATokenGoesWithTheHandshake) {
  listen();
  ASSERT_TRUE(dial({.login = Login{.body = "eyJhbGciOiJub25lIn0.e30."}}).ok());
  EXPECT_EQ(asked_token, "eyJhbGciOiJub25lIn0.e30.");
  EXPECT_TRUE(session->open());
}

TEST_F(WebSocketDialTest, AServerThatAsksForNoLoginTakesATokenAndLooksAway) {
  listen();
  ASSERT_TRUE(dial({.login = Login{.body = "unasked"}}).ok());
  EXPECT_EQ(call(*session, "/echo", "hello")->body.view(), "hello");
}

TEST(WebSocketLogin, IsATokenWhereBearerAllowsIt) {
  EXPECT_TRUE(is_bearer_token({.body = "aZ09-._~+/="}));
  for (const char* body : {"", "a b", "a\r\nb", "a,b", "\xc3\xa4", "a\"b"}) {
    EXPECT_FALSE(is_bearer_token({.body = body})) << body;
  }
  EXPECT_FALSE(is_bearer_token({.body = "a", .body_codec = 'j'}));
  EXPECT_FALSE(is_bearer_token({.body = "a", .metadata = "b=c"}));
}

TEST_F(WebSocketDialTest, ALoginThatIsNoTokenIsTheFirstMessage) {
  ASSERT_TRUE(serving_routes
                  .set_login(make_handler([](Context& context) {
                    if (context.body() != "open sesame")
                      return Status(Code::kForbidden, "", "auth fail");
                    context.reply_with('s', Bytes(std::string_view("pass")));
                    return Status();
                  }))
                  .ok());
  listen();
  ASSERT_TRUE(dial({.login = Login{.body = "open sesame"}}).ok());
  EXPECT_EQ(asked_token, "");
  EXPECT_EQ(session->values().get(Session::kLoginReply), "pass");

  const Status refused = dial({.login = Login{.body = "open barley"}});
  EXPECT_EQ(refused.code(), Code::kForbidden);
  EXPECT_EQ(refused.message(), "auth fail");
}

TEST_F(WebSocketDialTest, TheDeadlineCoversTheHandshake) {
  patience = 50ms;
  std::list<std::unique_ptr<io::Stream>> silent;
  struct Mute final : io::StreamHandler {
    io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
    void on_end() override {}
    void on_close(Status) override {}
  } mute;
  listener = core->listen(io::Address::loopback(0), {},
                          [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                            silent.push_back(std::move(stream));
                            silent.back()->start(mute);
                          })
                 .value();
  const Status late = dial({});
  EXPECT_EQ(late.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(late.outcome(), Outcome::kNotSent);
  for (auto& stream : silent) core->dispose(std::move(stream));
  core->turn(Deadline(core->now()));  // they call their handler up to here
}

class WebSocketDialTls : public WebSocketDialTest {
 protected:
  WebSocketDialTls() {
    io::TlsOptions server_options;
    server_options.certificates = {folder.write("server", root.issue({}))};
    server_tls = io::TlsContext::make(io::TlsRole::kServer, server_options, wall_ms()).value();
    io::TlsOptions client_options;
    client_options.ca_file = folder.write("root.pem", root.certificate_pem());
    client_tls = io::TlsContext::make(io::TlsRole::kClient, client_options, wall_ms()).value();
  }
  testkit::TestFolder folder;
  testkit::TestIdentity root = testkit::TestIdentity::root();
  std::shared_ptr<const io::TlsContext> server_tls;
  std::shared_ptr<const io::TlsContext> client_tls;
};

TEST_F(WebSocketDialTls, CallsThroughTls) {
  listen(server_tls);
  const Status dialled = dial({.tls = client_tls, .server_name = "localhost"});
  ASSERT_TRUE(dialled.ok()) << dialled;
  const std::string body(200'000, 'x');
  const Result<Reply> reply = call(*session, "/echo", body);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->body.view() == body);
}

TEST_F(WebSocketDialTls, RefusesACertificateForAnotherName) {
  listen(server_tls);
  const Status refused = dial({.tls = client_tls, .server_name = "shop"});
  EXPECT_EQ(refused.code(), Code::kDialFailed);
  EXPECT_EQ(refused.reason(), "tls.name_mismatch");
  EXPECT_TRUE(asked_target.empty()) << "the request, and its token, must not be sent";
}

TEST_F(WebSocketDialTls, RefusesAServerThatSpeaksNoTls) {
  listen();
  const Status refused = dial({.tls = client_tls, .server_name = "localhost"});
  EXPECT_EQ(refused.code(), Code::kDialFailed);
  EXPECT_TRUE(refused.reason().starts_with("tls.")) << refused;
}

}  // namespace
}  // namespace fairlead::rpc
