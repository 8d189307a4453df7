#include "fairlead/http/client.h"

#include <gtest/gtest.h>

#include "fairlead/http/client_testing.h"
#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedServer;
using testing::turn_until;

class ClientTest : public ::testing::Test {
 protected:
  void start(ClientOptions options = {}) {
    options.metrics = metrics;
    client = Client::make(*core, options).value();
  }
  void SetUp() override { start(); }
  void TearDown() override {
    EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
    EXPECT_EQ(client->idle_connections(), 0U);
  }
  ClientRequest to_server(std::string target = "/") {
    ClientRequest request;
    request.address = server.address();
    request.target = std::move(target);
    return request;
  }
  Result<Response> send(ClientRequest request) {
    return core->run(client->send(std::move(request), core->deadline_after(5s)));
  }
  // The error for a server that answers `bytes` and closes.
  Status error_of(std::string bytes) {
    server.will(std::move(bytes), true);
    const Result<Response> result = send(to_server());
    EXPECT_FALSE(result.ok());
    return result.status();
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  ScriptedServer server{*core};
  std::unique_ptr<Client> client;
};

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTest, WritesARequestAndReadsItsResponse) {
  server.will("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok");
  ClientRequest request = to_server("/a?b");
  request.method = "POST";
  request.fields.add("X-C", "d");
  request.fields.add("Transfer-Encoding", "chunked");
  request.body = Bytes("body");

  const Result<Response> result = send(request);

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->fields.find("x-a"), "b");
  EXPECT_EQ(result->body.view(), "ok");
  EXPECT_EQ(server.received(), "POST /a?b HTTP/1.1\r\nHost: " + server.address().to_text() +
                                   "\r\nX-C: d\r\nContent-Length: 4\r\n\r\nbody");
}

TEST_F(ClientTest, UsesAConnectionAgain) {
  for (int i = 0; i < 3; ++i) {
    server.will(kOk);
    ASSERT_TRUE(send(to_server()).ok());
  }
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientTest, ReadsEveryFramingHoweverItIsCut) {
  const std::string chunked =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n";
  for (std::size_t cut = 1; cut < chunked.size(); cut += 3) {
    server.will(chunked.substr(0, cut));
    std::optional<Result<Response>> result;
    const auto run = [](Client* sending, ClientRequest request, Deadline deadline,
                        std::optional<Result<Response>>* out) -> Task<void> {
      Result<Response> got = co_await sending->send(std::move(request), deadline);
      out->emplace(std::move(got));
    };
    const std::size_t seen = server.received().size();
    core->spawn(run(client.get(), to_server(), core->deadline_after(5s), &result));
    ASSERT_TRUE(turn_until(*core, [&] { return server.received().size() > seen; }));
    core->turn(core->deadline_after(2ms));
    server.say(chunked.substr(cut));
    ASSERT_TRUE(turn_until(*core, [&] { return result.has_value(); })) << cut;
    ASSERT_TRUE(result->ok()) << cut << result->status();
    EXPECT_EQ((*result)->body.view(), "abc");
  }
  EXPECT_EQ(server.connections(), 1U);

  server.will("HTTP/1.1 200 OK\r\n\r\nuntil the end", true);
  EXPECT_EQ(send(to_server())->body.view(), "until the end");
  server.will("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(send(to_server())->status, 204);
  server.will("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  ClientRequest head = to_server();
  head.method = "HEAD";
  EXPECT_EQ(send(head)->body.view(), "");
}

TEST_F(ClientTest, ReplacesAStaleConnectionOnceForAnIdempotentMethod) {
  server.will(kOk);
  ASSERT_TRUE(send(to_server()).ok());
  server.will("", true);  // closes when the second request comes
  server.will(kOk);

  EXPECT_TRUE(send(to_server()).ok());
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_EQ(metrics.client_requests_resent.value(), 1U);
  EXPECT_EQ(metrics.client_requests_failed.value(), 0U);

  server.will("", true);
  ClientRequest post = to_server();
  post.method = "POST";
  const Result<Response> result = send(post);
  EXPECT_EQ(result.status().reason(), "http.closed");
  EXPECT_EQ(result.status().code(), Code::kConnectionClosed);
  EXPECT_EQ(result.status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(ClientTest, DoesNotRepeatOnAFreshConnection) {
  EXPECT_EQ(error_of("").reason(), "http.closed");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientTest, ForgetsAnIdleConnectionThatTheServerCloses) {
  server.will(kOk);
  ASSERT_TRUE(send(to_server()).ok());
  server.close_all();
  EXPECT_TRUE(turn_until(*core, [&] { return client->idle_connections() == 0; }));

  server.will(kOk);
  ASSERT_TRUE(send(to_server()).ok());
  server.say("HTTP/1.1 408 Request Timeout\r\n\r\n");
  EXPECT_TRUE(turn_until(*core, [&] { return client->idle_connections() == 0; })) << "unasked";
}

TEST_F(ClientTest, RefusesWhatIsNoAnswer) {
  struct Case {
    const char* reason;
    std::string bytes;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const Case& c : {
           Case{"http.response_cut", "HTTP/1.1 20"},
           Case{"http.response_cut", ok + "Content-Length: 5\r\n\r\nabc"},
           Case{"http.response_cut", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
           Case{"http.length_and_coding",
                ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
           Case{"http.bad_start_line", "SSH-2.0-x\r\n\r\n"},
           Case{"http.bad_chunk", ok + "Transfer-Encoding: chunked\r\n\r\nxx\r\n"},
           Case{"http.head_too_large", ok + "X: " + std::string(70000, 'a')},
           Case{"http.unexpected_upgrade", "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
           Case{"http.too_many_interim",
                [] {
                  std::string many;
                  for (int i = 0; i < 9; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
                  return many;
                }()},
       }) {
    const Status status = error_of(c.bytes);
    EXPECT_EQ(status.code(), Code::kBadGateway) << status;
    EXPECT_EQ(status.reason(), c.reason);
    EXPECT_EQ(status.outcome(), Outcome::kUnknown);
  }
}

TEST_F(ClientTest, BoundsTheBodyOfAResponse) {
  ASSERT_TRUE(core->run(client->close({})).ok());
  start({.body_bytes_max = 3});
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd").reason(),
            "http.body_too_large");
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\n\r\nabcd").reason(), "http.body_too_large");
  server.will("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(send(to_server()).ok());
}

TEST_F(ClientTest, DoesNotReuseAConnectionThatSaysMoreThanItsAnswer) {
  server.will(std::string(kOk) + "more");
  EXPECT_TRUE(send(to_server()).ok());
  EXPECT_EQ(client->idle_connections(), 0U);
}

TEST_F(ClientTest, EndsAtTheDeadlineAndTellsWhetherItWasSent) {
  const Result<Response> sent = core->run(client->send(to_server(), core->deadline_after(20ms)));
  EXPECT_EQ(sent.status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(sent.status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(client->idle_connections(), 0U) << "a late answer must not meet the next request";

  const Result<Response> late = core->run(client->send(to_server(), Deadline(core->now())));
  EXPECT_EQ(late.status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(late.status().outcome(), Outcome::kNotSent);
}

TEST_F(ClientTest, EndsWhenItIsCancelled) {
  CancelSource source;
  const auto cancel_soon = [](io::Core* on, CancelSource* cancelling) -> Task<void> {
    Sleep sleep(on->timers(), on->deadline_after(10ms));
    Status slept = co_await sleep;
    cancelling->cancel();
  };
  core->spawn(cancel_soon(core.get(), &source));
  const Result<Response> result =
      core->run(client->send(to_server(), core->deadline_after(5s), source.token()));
  EXPECT_EQ(result.status().code(), Code::kCancelled);
  EXPECT_EQ(result.status().outcome(), Outcome::kUnknown);

  const Result<Response> before =
      core->run(client->send(to_server(), core->deadline_after(5s), source.token()));
  EXPECT_EQ(before.status().code(), Code::kCancelled);
  EXPECT_EQ(before.status().outcome(), Outcome::kNotSent);
}

TEST_F(ClientTest, SaysWhatWasNeverSent) {
  ClientRequest nobody = to_server();
  {
    const ScriptedServer gone(*core);
    nobody.address = gone.address();
  }
  const Result<Response> refused = send(nobody);
  EXPECT_EQ(refused.status().code(), Code::kDialFailed);
  EXPECT_EQ(refused.status().outcome(), Outcome::kNotSent);

  ClientRequest split = to_server();
  split.fields.add("X", "a\r\nb: c");
  const Result<Response> bad = send(split);
  EXPECT_EQ(bad.status().reason(), "http.bad_field");
  EXPECT_EQ(bad.status().outcome(), Outcome::kNotSent);
  EXPECT_EQ(send(to_server("/a b")).status().reason(), "http.bad_start_line");
  EXPECT_EQ(server.received(), "");
}

TEST_F(ClientTest, HoldsItsLimitOfConnections) {
  ASSERT_TRUE(core->run(client->close({})).ok());
  start({.connections_max = 1});
  const auto wait = [](Client* sending, ClientRequest request, Deadline deadline) -> Task<void> {
    Result<Response> got = co_await sending->send(std::move(request), deadline);
    EXPECT_EQ(got.status().code(), Code::kDeadlineExceeded);
  };
  core->spawn(wait(client.get(), to_server(), core->deadline_after(50ms)));
  const Result<Response> second = send(to_server());
  EXPECT_EQ(second.status().code(), Code::kLocalLimit);
  EXPECT_EQ(second.status().reason(), "http.pool_full");
}

TEST_F(ClientTest, LetsIdleConnectionsGo) {
  ASSERT_TRUE(core->run(client->close({})).ok());
  start({.idle_timeout = 10ms});
  server.will(kOk);
  ASSERT_TRUE(send(to_server()).ok());
  EXPECT_EQ(client->idle_connections(), 1U);
  EXPECT_TRUE(turn_until(*core, [&] { return client->idle_connections() == 0; }));
}

TEST_F(ClientTest, SendsNothingOnceItIsClosing) {
  ASSERT_TRUE(core->run(client->close({})).ok());
  const Result<Response> result = send(to_server());
  EXPECT_EQ(result.status().reason(), "http.client_closed");
  EXPECT_EQ(result.status().outcome(), Outcome::kNotSent);
}

TEST_F(ClientTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(Client::make(*core, {.connections_max = 0}).status().reason(), "http.bad_option");
  EXPECT_EQ(Client::make(*core, {.idle_timeout = 0s}).status().reason(), "http.bad_option");
}

TEST_F(ClientTest, MeetsTheServerOfThisRoom) {
  auto real = Server::make(*core, {}, plain_handler([](const Request& request) -> Result<Response> {
                Response response;
                response.body = request.body;
                return response;
              })).value();
  ClientRequest request = to_server();
  request.address = real->listen(io::Address::loopback(0)).value();
  request.method = "PUT";
  request.body = Bytes(std::string(3 << 20, 'x'));

  for (int i = 0; i < 3; ++i) {
    const Result<Response> result = send(request);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->body, request.body);
  }
  EXPECT_EQ(metrics.client_connections_opened.value(), 1U);
  EXPECT_TRUE(core->run(real->close(core->deadline_after(5s))).ok());
}

}  // namespace
}  // namespace fairlead::http
