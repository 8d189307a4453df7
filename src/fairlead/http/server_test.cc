#include "fairlead/http/server.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "fairlead/http/testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::turn_until;

constexpr std::string_view kGetHuge = "GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr const char* kGet = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";

// The coroutine handlers of these tests share it; they hold a pointer, never a capture.
struct World {
  io::Core* core = nullptr;
  Event release;
  int cancelled = 0;
  int huge_answers = 0;
};

Task<Result<Response>> wait_then_answer(World* world, Request& request) {
  Status waited =
      co_await world->release.wait(world->core->timers(), Deadline(), request.cancelled);
  if (!waited.ok()) ++world->cancelled;
  co_return Response::text(200, "waited for " + request.path);
}

Task<Result<Response>> throw_after_a_turn(World* world) {
  Sleep sleep(world->core->timers(), world->core->deadline_after(1ms));
  Status slept = co_await sleep;
  throw std::runtime_error("inner secret");
}

Task<void> close_and_tell(Server* server, Deadline deadline, std::optional<Status>* out) {
  Status status = co_await server->close(deadline);
  *out = status;
}

Task<Result<Response>> give(Result<Response> result) { co_return std::move(result); }

Result<Response> answer_at_once(const Request& request) {
  if (request.path == "/missing") return Status(Code::kNotFound, "route.unknown", "nothing here");
  if (request.path == "/big") return Response::text(200, std::string(4U << 20U, 'b'));
  if (request.path == "/empty") return Response{.status = 204, .fields = {}, .body = {}};
  if (request.path == "/split") {
    Response response = Response::text(200, "x");
    response.fields.add("X", "a\r\nX-Evil: 1");
    return response;
  }
  if (request.path == "/status") return Response::text(99, "x");
  if (request.path == "/about") {
    return Response::text(200, request.method + "|" + request.path + "|" + request.query + "|" +
                                   request.authority + "|" + request.id);
  }
  Response response = Response::typed(200, "application/octet-stream", request.body.view());
  response.fields.add("Content-Length", "77");
  response.fields.add("Connection", "upgrade");
  return response;
}

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    world.core = core.get();
    options.metrics = metrics;
    World* shared = &world;
    const auto handler = [shared](Request& request) -> Task<Result<Response>> {
      if (request.path == "/wait") return wait_then_answer(shared, request);
      if (request.path == "/throw") return throw_after_a_turn(shared);
      if (request.path == "/huge") {  // more than the buffers of two sockets hold
        ++shared->huge_answers;
        return give(Response::text(200, std::string(64U << 20U, 'h')));
      }
      return give(answer_at_once(request));
    };
    server = Server::make(*core, options, handler).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    if (server == nullptr) return;
    world.release.set();
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_EQ(server->connections(), 0U);
    EXPECT_EQ(metrics.connections_open.value(), 0);
    EXPECT_EQ(metrics.request_seconds.snapshot().count, metrics.requests_received.value());
  }
  // All that the server says to `bytes` on a connection of its own until it closes.
  std::string refused(std::string_view bytes) {
    RawClient client(*core, address);
    client.send(bytes);
    return client.wait_for_close();
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  World world;
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  std::unique_ptr<Server> server;
  io::Address address;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client(*core, address);
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  const std::string first = client.wait_for("hello");
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\n")) << first;
  EXPECT_NE(first.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_NE(first.find("\r\nDate: "), std::string::npos);
  EXPECT_EQ(first.find("77"), std::string::npos) << "framing is the server's business";
  EXPECT_EQ(first.find("Connection"), std::string::npos);

  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  client.wait_for("abcde");
  EXPECT_EQ(metrics.connections_accepted.value(), 1U);
  EXPECT_EQ(metrics.requests_received.value(), 2U);
}

TEST_F(ServerTest, TellsTheHandlerWhatWasAsked) {
  start();
  RawClient client(*core, address);
  client.send("GET http://other:1//%61bout?a=%20 HTTP/1.1\r\nHost: h\r\nX-Request-Id: r-1\r\n\r\n");
  EXPECT_NE(client.wait_for("r-1").find("GET|/about|a=%20|other:1|r-1"), std::string::npos);
}

TEST_F(ServerTest, MakesNoDifferenceOfWhereARequestIsCut) {
  start();
  const std::string whole =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  RawClient client(*core, address);
  std::size_t answers = 0;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    client.send(whole.substr(0, cut));
    client.send(whole.substr(cut));
    answers += 2;
    client.wait_for("hello", answers);
  }
  EXPECT_EQ(client.occurrences("HTTP/1.1 200 OK"), answers);
  EXPECT_EQ(metrics.connections_accepted.value(), 1U);
}

TEST_F(ServerTest, ReadsByteByByte) {
  start();
  RawClient client(*core, address);
  for (const char byte :
       std::string("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")) {
    client.send({&byte, 1});
  }
  client.wait_for("hello");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderEvenWhenTheFirstWaits) {
  start();
  RawClient client(*core, address);
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /about?second HTTP/1.1\r\nHost: h\r\n\r\n");
  for (int i = 0; i < 5; ++i) client.turn();
  EXPECT_EQ(client.received(), "");

  world.release.set();
  const std::string all = client.wait_for("second");
  EXPECT_LT(all.find("waited for /wait"), all.find("/about|second"));
}

TEST_F(ServerTest, AnswersAHundredPipelinedRequests) {
  start();
  RawClient client(*core, address);
  std::string many;
  for (int i = 0; i < 100; ++i) many += kGet;
  client.send(many);
  client.wait_for("HTTP/1.1 200 OK", 100);
}

TEST_F(ServerTest, ClosesWhenTheClientWishes) {
  start();
  const std::string closing = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  const std::string answer = refused(closing + kGet);
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "what is behind is not answered";
  EXPECT_NE(refused("GET / HTTP/1.0\r\n\r\n").find("200 OK"), std::string::npos);

  RawClient old(*core, address);
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  old.wait_for("Connection: keep-alive\r\n");
}

TEST_F(ServerTest, AnswersAClientThatHasSentItsLast) {
  start();
  RawClient client(*core, address);
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  client.shut_down();
  client.turn();
  world.release.set();
  EXPECT_NE(client.wait_for_close().find("waited"), std::string::npos);
}

TEST_F(ServerTest, SendsNoBodyToHeadAndNoLengthWith204) {
  start();
  RawClient client(*core, address);
  client.send("HEAD /about HTTP/1.1\r\nHost: h\r\nX-Request-Id: a\r\n\r\n");
  const std::string head = client.wait_for("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 16\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  client.send("GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string empty = client.wait_for("204 No Content").substr(head.size());
  EXPECT_EQ(empty.find("Content-Length"), std::string::npos);
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsAwaited) {
  start();
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  RawClient waiting(*core, address);
  waiting.send(head);
  waiting.wait_for("HTTP/1.1 100 Continue\r\n\r\n");
  waiting.send("hello");
  waiting.wait_for("200 OK");

  RawClient hasty(*core, address);
  hasty.send(head + "hello");
  hasty.wait_for("200 OK");
  EXPECT_EQ(hasty.occurrences("100 Continue"), 0U);
}

TEST_F(ServerTest, RefusesWhatTheParserRefusesAndNothingBehindIsRead) {
  start();
  struct Case {
    const char* line;
    std::string request;
  };
  const std::string host = "Host: h\r\n";
  for (const Case& c : {
           Case{"400", "GET /a b HTTP/1.1\r\n" + host + "\r\n"},
           Case{"400", "GET /%2e%2e/x HTTP/1.1\r\n" + host + "\r\n"},
           Case{"400", "POST / HTTP/1.1\r\n" + host +
                           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
           Case{"400", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"},
           Case{"413", "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999\r\n\r\n"},
           Case{"413", "POST / HTTP/1.1\r\n" + host +
                           "Content-Length: 99999999\r\n"
                           "Expect: 100-continue\r\n\r\n"},
           Case{"414", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n"},
           Case{"417", "GET / HTTP/1.1\r\n" + host + "Expect: 200-ok\r\n\r\n"},
           Case{"431", "GET / HTTP/1.1\r\n" + host + "X: " + std::string(70000, 'a')},
           Case{"501", "CONNECT h:1 HTTP/1.1\r\n" + host + "\r\n"},
           Case{"501", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"},
           Case{"505", "GET / HTTP/3.0\r\n\r\n"},
       }) {
    const std::string answer = refused(c.request + kGet);
    EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + c.line)) << answer << c.request;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << answer;
    EXPECT_EQ(answer.find("200 OK"), std::string::npos) << answer;
  }
  EXPECT_EQ(metrics.requests_received.value(), 0U);
  EXPECT_EQ(metrics.requests_refused.value(), 12U);
}

TEST_F(ServerTest, BoundsAChunkedBodyOnBothSides) {
  start({.body_bytes_max = 10});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(refused(head + "6\r\nsixsix\r\n5\r\nfives\r\n0\r\n\r\n").starts_with("HTTP/1.1 413"));
  RawClient client(*core, address);
  client.send(head + "5\r\nfives\r\n5\r\nfives\r\n0\r\n\r\n");
  client.wait_for("fivesfives");
}

TEST_F(ServerTest, MapsErrorsAndExceptionsOfHandlersInOnePlace) {
  start();
  RawClient client(*core, address);
  client.send("GET /missing HTTP/1.1\r\nHost: h\r\nX-Request-Id: r7\r\n\r\n");
  const std::string missing = client.wait_for("\"request_id\":\"r7\"");
  EXPECT_TRUE(missing.starts_with("HTTP/1.1 404 Not Found"));
  EXPECT_NE(missing.find("\"reason\":\"route.unknown\""), std::string::npos);

  client.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string thrown = client.wait_for("http.handler_threw");
  EXPECT_NE(thrown.find("HTTP/1.1 500 "), std::string::npos);
  EXPECT_EQ(thrown.find("secret"), std::string::npos);

  client.send("GET /split HTTP/1.1\r\nHost: h\r\n\r\nGET /status HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string bad = client.wait_for("http.bad_response", 2);
  EXPECT_EQ(bad.find("X-Evil"), std::string::npos);
  EXPECT_EQ(metrics.requests_failed.value(), 3U);

  client.send(kGet);
  client.wait_for("200 OK");
}

TEST_F(ServerTest, TellsAHandlerThatItsClientIsGone) {
  start();
  RawClient client(*core, address);
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  client.turn();
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.socket(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  client.close();

  EXPECT_TRUE(turn_until(*core, [&] { return server->connections() == 0; }));
  EXPECT_EQ(world.cancelled, 1);
}

TEST_F(ServerTest, EndsSlowClients) {
  start({.head_timeout = 30ms, .idle_timeout = 40ms, .body_timeout = 30ms});
  EXPECT_EQ(refused(""), "") << "nothing was asked, nothing is answered";
  EXPECT_TRUE(refused("GET / HT").starts_with("HTTP/1.1 408"));
  const std::string body = refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
  EXPECT_TRUE(body.starts_with("HTTP/1.1 408"));
  EXPECT_NE(body.find("http.body_timeout"), std::string::npos);
  EXPECT_TRUE(refused(kGet).starts_with("HTTP/1.1 200")) << "idle after the answer: closed";
}

// Whoever looked at the first bytes has waited already: the client gets the time once.
TEST_F(ServerTest, CountsTheTimeOfAHeadThatBeganElsewhere) {
  start({.head_timeout = 60s});
  Duration age = 61s;
  const auto accept_late = [this, &age](io::Core& on, std::unique_ptr<io::Stream> stream) {
    server->adopt(std::move(stream), on.now() - age);
  };
  const auto listener = core->listen(io::Address::loopback(0), {}, accept_late).value();

  RawClient late(*core, listener->local());
  late.send("GET / HT");
  EXPECT_TRUE(late.wait_for_close().starts_with("HTTP/1.1 408"));

  age = 30s;
  RawClient in_time(*core, listener->local());
  in_time.send("GET / HT");
  in_time.send("TP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(in_time.wait_for("HTTP/1.1").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, TellsWhoWantsToKnowWhyConnectionsFailed) {
  std::vector<std::string> reasons;
  ServerOptions options;
  options.on_failed = [&reasons](const io::Address& peer, const Status& why) {
    reasons.push_back(peer.host() + " " + std::string(why.reason()));
  };
  start(options);
  {
    RawClient orderly(*core, address);
    orderly.send(kGet);
    orderly.wait_for("200 OK");
  }
  RawClient client(*core, address);
  client.send("GET");
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.socket(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  client.close();

  EXPECT_TRUE(turn_until(*core, [&] { return server->connections() == 0; }));
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_TRUE(reasons[0].starts_with("127.0.0.1 ")) << reasons[0];
}

TEST_F(ServerTest, EndsAClientThatTakesNoAnswer) {
  start({.write_timeout = 50ms});
  RawClient client(*core, address);
  const int small = 4096;
  setsockopt(client.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  const std::string get = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_GT(::send(client.socket(), get.data(), get.size(), MSG_NOSIGNAL), 0);
  ASSERT_GT(::send(client.socket(), get.data(), get.size(), MSG_NOSIGNAL), 0);

  EXPECT_TRUE(turn_until(*core, [&] { return metrics.requests_received.value() > 0; }));
  EXPECT_TRUE(turn_until(*core, [&] { return server->connections() == 0; }));
  EXPECT_EQ(metrics.requests_received.value(), 1U) << "no second answer before the first is taken";
}

TEST_F(ServerTest, SendsALargeAnswerWhole) {
  start();
  RawClient client(*core, address);
  client.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /about?end HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_GT(client.wait_for("/about|end").size(), 4U << 20U);
}

TEST_F(ServerTest, TakesNoMoreConnectionsThanTold) {
  start({.connections_max = 1});
  RawClient first(*core, address);
  first.send(kGet);
  first.wait_for("200 OK");
  EXPECT_EQ(refused(kGet), "");
  EXPECT_EQ(metrics.connections_refused.value(), 1U);
  first.send(kGet);
  first.wait_for("200 OK", 2);
}

TEST_F(ServerTest, TellsWhoAsksThatItWillCloseAndGoesOnUntilThen) {
  start();
  RawClient client(*core, address);
  client.send(kGet);
  EXPECT_EQ(client.wait_for("200 OK").find("Connection: close"), std::string::npos);

  server->announce_close();
  client.send(kGet);

  EXPECT_NE(client.wait_for_close().find("Connection: close\r\n"), std::string::npos);
}

// It would be reset otherwise, and its client would not know whether its request was served.
TEST_F(ServerTest, AnswersWhoWasConnectedAlreadyWhenItBeganToClose) {
  start();
  RawClient client(*core, address);  // in the backlog: nobody has accepted it
  std::optional<Status> closed;

  core->spawn(close_and_tell(server.get(), core->deadline_after(5s), &closed));
  client.turn();
  EXPECT_FALSE(closed.has_value());
  client.send(kGet);

  EXPECT_NE(client.wait_for_close().find("200 OK"), std::string::npos);
  EXPECT_NE(client.received().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(turn_until(*core, [&] { return closed.has_value(); }));
  EXPECT_TRUE(closed->ok()) << *closed;
}

TEST_F(ServerTest, ClosesWhoCameJustBeforeItsCloseAndDoesNotAsk) {
  start();
  RawClient client(*core, address);
  client.turn();

  const Status closed = core->run(server->close(core->deadline_after(5s)));

  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(client.wait_for_close(), "");
}

TEST_F(ServerTest, ClosesWhoHasNotAskedForLongAtOnce) {
  start();
  RawClient client(*core, address);
  client.turn();
  std::optional<Status> closed;
  const Time later = core->now() + 600ms;
  EXPECT_TRUE(turn_until(*core, [&] { return core->now() >= later; }));

  core->spawn(close_and_tell(server.get(), core->deadline_after(5s), &closed));
  core->turn(Deadline(core->now()));
  core->turn(Deadline(core->now()));

  EXPECT_TRUE(closed.has_value());
}

TEST_F(ServerTest, DrainsWhatIsUnderWay) {
  start();
  RawClient idle(*core, address);
  idle.send(kGet);
  idle.wait_for("200 OK");
  RawClient busy(*core, address);
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  busy.turn();
  std::optional<Status> closed;

  core->spawn(close_and_tell(server.get(), core->deadline_after(5s), &closed));
  idle.wait_for_close();
  EXPECT_FALSE(closed.has_value());
  world.release.set();

  EXPECT_NE(busy.wait_for_close().find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(turn_until(*core, [&] { return closed.has_value(); }));
  EXPECT_TRUE(closed->ok()) << *closed;
}

TEST_F(ServerTest, CutsOffWhatDoesNotEndInTime) {
  start();
  RawClient busy(*core, address);
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  busy.turn();

  const Status closed = core->run(server->close(core->deadline_after(10ms)));

  EXPECT_EQ(closed.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(closed.reason(), "http.drain_cut");
  EXPECT_EQ(world.cancelled, 1);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, CountsAnAnswerThatItCutsInItsMiddle) {
  start();
  RawClient deaf(*core, address);
  ASSERT_EQ(::send(deaf.socket(), kGetHuge.data(), kGetHuge.size(), 0), ssize_t{kGetHuge.size()});
  EXPECT_TRUE(turn_until(*core, [this] { return world.huge_answers == 1; }));
  RawClient idle(*core, address);
  idle.send(kGet);
  idle.wait_for("200 OK");

  const Status closed = core->run(server->close(core->deadline_after(100ms)));

  EXPECT_EQ(closed.reason(), "http.drain_cut");
  EXPECT_EQ(server->requests_cut(), 1U);
}

TEST_F(ServerTest, RefusesOptionsThatMakeNoSense) {
  const Handler handler = plain_handler([](Request) -> Result<Response> { return Response{}; });
  for (const ServerOptions& options :
       {ServerOptions{.head = {.head_bytes_max = 100}}, ServerOptions{.head = {.fields_max = 101}},
        ServerOptions{.head = {.target_bytes_max = 0}}, ServerOptions{.connections_max = 0},
        ServerOptions{.idle_timeout = 0s}}) {
    const auto made = Server::make(*core, options, handler);
    EXPECT_EQ(made.status().reason(), "http.bad_option");
  }
}

TEST_F(ServerTest, ListensOnUnixSocketsToo) {
  start();
  const std::string path = ::testing::TempDir() + "fl_http_" + std::to_string(getpid()) + ".sock";
  const io::Address local = server->listen(io::Address::parse("unix:" + path).value()).value();
  RawClient client(*core, local);
  client.send(kGet);
  client.wait_for("200 OK");
}

TEST_F(ServerTest, WhoIsTurnedAwayIsToldWhenToComeBack) {
  start();
  const auto listener = core->listen(io::Address::loopback(0), {},
                                     [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                                       server->turn_away(std::move(stream));
                                     })
                            .value();
  RawClient client(*core, listener->local());
  client.send(kGet);

  const std::string answer = client.wait_for_close();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nRetry-After: 5\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("http.conn_limit"), std::string::npos) << answer;
  EXPECT_EQ(metrics.requests_received.value(), 0U);
}

TEST_F(ServerTest, WhoIsTurnedAwayAndSaysNothingIsClosedAfterASecond) {
  start();
  const auto listener = core->listen(io::Address::loopback(0), {},
                                     [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                                       server->turn_away(std::move(stream));
                                     })
                            .value();
  RawClient silent(*core, listener->local());

  EXPECT_TRUE(silent.wait_for_close().starts_with("HTTP/1.1 408 "));
}

}  // namespace
}  // namespace fairlead::http
