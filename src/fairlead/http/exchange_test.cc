#include "fairlead/http/exchange.h"

#include <gtest/gtest.h>

#include <array>

#include "fairlead/async/scope.h"
#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::turn_until;

constexpr std::array<Field, 1> kPlain = {Field{"Content-Type", "text/plain"}};

// Answers in every way that there is, by the path.
class Many final : public Responder {
 public:
  explicit Many(io::Core& core) : core_(core) {}

  Result<BodyPlan> plan(const Request& head) override {
    if (head.path == "/forbidden") return Status(Code::kForbidden, "test.forbidden", "not you");
    if (head.path == "/small") return BodyPlan{.bytes_max = 4, .streamed = false};
    return BodyPlan{.bytes_max = 1U << 30U, .streamed = head.path.starts_with("/stream")};
  }
  void respond(Exchange& exchange) override {
    const std::string& path = exchange.request().path;
    if (path == "/stream/echo") return scope.spawn(echo(this, exchange));
    if (path == "/stream/ignore") return exchange.answer(200, kPlain, "unread");
    if (path == "/stream/count") return scope.spawn(count(this, exchange));
    if (path.ends_with("/trailers")) return scope.spawn(tell_trailers(exchange));
    if (path == "/chunks") return scope.spawn(send_chunks(exchange, std::nullopt));
    if (path == "/sized") return scope.spawn(send_chunks(exchange, 10));
    if (path == "/short") return scope.spawn(send_chunks(exchange, 11));
    if (path == "/endless") return scope.spawn(send_without_end(this, exchange));
    if (path == "/cut") {
      EXPECT_TRUE(exchange.begin(200, kPlain).ok());
      return exchange.cut();
    }
    exchange.answer(200, kPlain, exchange.request().body.view());
  }

  Scope scope;
  std::size_t pieces = 0;
  std::size_t bytes = 0;
  std::size_t sent = 0;
  bool hold = false;
  Event release;
  Status ended;

 private:
  static Task<void> echo(Many* self, Exchange& exchange) {
    if (!exchange.begin(200, kPlain).ok()) co_return exchange.cut();
    while (true) {
      Result<Bytes> piece = co_await exchange.read();
      if (!piece.ok()) {
        self->ended = piece.status();
        co_return exchange.cut();
      }
      if (piece->empty()) break;
      Status written = co_await exchange.write(piece->view());
      if (!written.ok()) break;
    }
    exchange.finish();
  }
  static Task<void> count(Many* self, Exchange& exchange) {
    if (self->hold) {
      Status released = co_await self->release.wait(self->core_.timers(), Deadline());
      EXPECT_TRUE(released.ok());
    }
    while (true) {
      Result<Bytes> piece = co_await exchange.read();
      if (!piece.ok()) {
        self->ended = piece.status();
        co_return exchange.answer(piece.status());
      }
      if (piece->empty()) break;
      ++self->pieces;
      self->bytes += piece->size();
    }
    exchange.answer(200, kPlain, std::to_string(self->bytes));
  }
  // Reads a body that is streamed to its end, and answers with the trailers.
  static Task<void> tell_trailers(Exchange& exchange) {
    std::string seen;
    while (exchange.request().path == "/stream/trailers") {
      Result<Bytes> piece = co_await exchange.read();
      if (!piece.ok()) co_return exchange.answer(piece.status());
      if (piece->empty()) break;
      EXPECT_TRUE(exchange.request().trailers.empty()) << "not before the end";
    }
    const Fields& trailers = exchange.request().trailers;
    for (std::size_t i = 0; i < trailers.size(); ++i) {
      seen.append(trailers[i].name).append("=").append(trailers[i].value).append(";");
    }
    exchange.answer(200, kPlain, seen + "end");
  }
  static Task<void> send_chunks(Exchange& exchange, std::optional<std::uint64_t> length) {
    if (!exchange.begin(200, kPlain, length).ok()) co_return exchange.cut();
    for (const std::string_view piece : {"hello", "", "world"}) {
      Status written = co_await exchange.write(piece);
      EXPECT_TRUE(written.ok());
    }
    exchange.finish();
  }
  static Task<void> send_without_end(Many* self, Exchange& exchange) {
    if (!exchange.begin(200, kPlain).ok()) co_return exchange.cut();
    const std::string block(32 * 1024, 'x');
    while (true) {
      Status written = co_await exchange.write(block);
      if (!written.ok()) {
        self->ended = written;
        break;
      }
      self->sent += block.size();
    }
    exchange.finish();
  }

  io::Core& core_;
};

class ExchangeTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    server = Server::make(*core, options, many).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    many.release.set();
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_EQ(server->connections(), 0U);
    EXPECT_TRUE(core->run(many.scope.close(core->timers(), core->deadline_after(5s))).ok());
  }
  std::string head(std::string_view path, std::string_view fields) {
    return "POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Many many{*core};
  std::unique_ptr<Server> server;
  io::Address address;
};

TEST_F(ExchangeTest, AnswersOfViewsKeepTheConnection) {
  start();
  RawClient client(*core, address);
  client.send(head("/echo", "Content-Length: 2\r\n") + "hi" +
              head("/echo", "Content-Length: 3\r\n") + "you");
  const std::string& received = client.wait_for("\r\n\r\nyou");
  EXPECT_NE(received.find("\r\n\r\nhiHTTP/1.1 200 OK\r\n"), std::string::npos) << received;
  EXPECT_NE(received.find("Content-Length: 3\r\n"), std::string::npos);
}

TEST_F(ExchangeTest, StreamsABodyAndItsAnswerBothFramedByLengthAndChunked) {
  start();
  RawClient client(*core, address);
  client.send(head("/stream/echo", "Content-Length: 4\r\n") + "ab");
  client.wait_for("2\r\nab\r\n");
  client.send("cd");
  EXPECT_NE(client.wait_for("0\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  client.send(head("/stream/echo", "Transfer-Encoding: chunked\r\n") + "3\r\nxyz\r\n0\r\n\r\n");
  EXPECT_NE(client.wait_for("0\r\n\r\n", 2).find("3\r\nxyz\r\n0\r\n\r\n"), std::string::npos);
  EXPECT_FALSE(client.closed());
}

TEST_F(ExchangeTest, SaysContinueWhenAStreamedBodyIsAskedFor) {
  start();
  many.hold = true;
  RawClient client(*core, address);
  client.send(head("/stream/count", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
  client.turn();
  EXPECT_EQ(client.received(), "") << "nobody reads yet";
  many.release.set();
  client.wait_for("100 Continue\r\n\r\n");
  client.send("four");
  EXPECT_TRUE(client.wait_for("\r\n\r\n4").ends_with("\r\n\r\n4"));
}

TEST_F(ExchangeTest, RefusesByTheHeadWithoutAskingForTheBody) {
  start();
  RawClient client(*core, address);
  client.send(head("/forbidden", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
  const std::string& received = client.wait_for_close();
  EXPECT_TRUE(received.starts_with("HTTP/1.1 403 ")) << received;
  EXPECT_NE(received.find("Connection: close"), std::string::npos);
}

TEST_F(ExchangeTest, BoundsABodyByItsRoute) {
  start();
  RawClient client(*core, address);
  client.send(head("/small", "Content-Length: 5\r\n"));
  EXPECT_TRUE(client.wait_for_close().starts_with("HTTP/1.1 413 "));
}

TEST_F(ExchangeTest, HandsOverTheTrailersOfWholeAndOfStreamedBodies) {
  start();
  for (const std::string_view path : {"/trailers", "/stream/trailers"}) {
    RawClient client(*core, address);
    const std::string begin = head(path, "Transfer-Encoding: chunked\r\n");

    client.send(begin + "2\r\nab\r\n0\r\nX-Su");
    client.send("m: 7\r\nHost: evil\r\nx-b: \r\n\r\n" + begin + "1\r\na\r\n0\r\n\r\n");

    const std::string& received = client.wait_for("\r\n\r\nend");
    EXPECT_NE(received.find("\r\n\r\nX-Sum=7;x-b=;endHTTP/1.1 200"), std::string::npos) << received;
  }
}

TEST_F(ExchangeTest, CountsTrailersAsAPartOfTheHead) {
  start({.head = {.fields_max = 3}});
  for (const std::string_view path : {"/trailers", "/stream/trailers"}) {
    RawClient client(*core, address);
    const std::string begin = head(path, "Transfer-Encoding: chunked\r\n") + "0\r\na: b\r\n";
    client.send(begin + "\r\n");
    client.wait_for("a=b;end");
    client.send(begin + "c: d\r\n\r\n");
    EXPECT_NE(client.wait_for_close().find("HTTP/1.1 431 "), std::string::npos);
    EXPECT_NE(client.received().find("http.trailer_too_large"), std::string::npos);
  }
}

TEST_F(ExchangeTest, ClosesBehindAnAnswerToABodyThatNobodyRead) {
  start();
  RawClient client(*core, address);
  client.send(head("/stream/ignore", "Content-Length: 400\r\n") + "abc");
  const std::string& received = client.wait_for_close();
  EXPECT_NE(received.find("Connection: close\r\n"), std::string::npos) << received;
  EXPECT_TRUE(received.ends_with("unread"));
}

TEST_F(ExchangeTest, ReadsNoMoreOfABodyThanIsTaken) {
  start();
  many.hold = true;
  RawClient client(*core, address);
  constexpr std::size_t kBytes = 16U << 20U;
  client.send(head("/stream/count", "Content-Length: " + std::to_string(kBytes) + "\r\n"));
  const std::string block(64 * 1024, 'b');
  std::size_t sent = 0;
  for (int turns = 0; turns < 400 && sent < kBytes; ++turns) {
    const ssize_t count = ::send(client.socket(), block.data(), block.size(), MSG_DONTWAIT);
    if (count > 0) sent += static_cast<std::size_t>(count);
    client.turn();
  }
  EXPECT_LT(sent, kBytes) << "the kernel's buffers are full and the rest is with the client";
  many.release.set();
  while (sent < kBytes) {
    const std::size_t left = std::min(block.size(), kBytes - sent);
    const ssize_t count = ::send(client.socket(), block.data(), left, MSG_DONTWAIT);
    if (count > 0) sent += static_cast<std::size_t>(count);
    client.turn();
  }
  EXPECT_TRUE(client.wait_for(std::to_string(kBytes)).ends_with(std::to_string(kBytes)));
}

TEST_F(ExchangeTest, TellsWhoReadsThatABodyIsBadOrCut) {
  start();
  {
    RawClient client(*core, address);
    client.send(head("/stream/count", "Transfer-Encoding: chunked\r\n") + "zz\r\n");
    EXPECT_TRUE(client.wait_for_close().starts_with("HTTP/1.1 400 "));
    EXPECT_EQ(many.ended.reason(), "http.bad_chunk");
  }
  RawClient client(*core, address);
  client.send(head("/stream/echo", "Content-Length: 400\r\n") + "abc");
  client.wait_for("abc");
  client.close();
  EXPECT_TRUE(turn_until(*core, [&] { return many.ended.reason() == "http.client_gone"; }));
}

TEST_F(ExchangeTest, EndsABodyThatComesTooSlowly) {
  start({.rate_window = 50ms});
  RawClient client(*core, address);
  client.send(head("/stream/count", "Content-Length: 400\r\n") + "abc");
  EXPECT_TRUE(client.wait_for_close().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(many.ended.reason(), "http.body_timeout");
}

TEST_F(ExchangeTest, FramesAStreamedAnswerByItsLengthWhenItIsKnown) {
  start();
  RawClient client(*core, address);
  client.send("GET /sized HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string& received = client.wait_for("helloworld");
  EXPECT_NE(received.find("Content-Length: 10\r\n"), std::string::npos) << received;
  EXPECT_EQ(received.find("chunked"), std::string::npos);
  client.send("HEAD /chunks HTTP/1.1\r\nHost: h\r\n\r\nGET /chunks HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.wait_for("0\r\n\r\n").find("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"),
            std::string::npos);
  EXPECT_EQ(client.occurrences("hello"), 2U) << "none for HEAD";
}

TEST_F(ExchangeTest, StreamsToHttp10UntilItCloses) {
  start();
  RawClient client(*core, address);
  client.send("GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string& received = client.wait_for_close();
  EXPECT_TRUE(received.ends_with("\r\n\r\nhelloworld")) << received;
  EXPECT_EQ(received.find("chunked"), std::string::npos);
}

TEST_F(ExchangeTest, NeverLetsACutAnswerLookWhole) {
  start();
  for (const std::string_view path : {"/short", "/cut"}) {
    RawClient client(*core, address);
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.wait_for_close().find("0\r\n\r\n"), std::string::npos);
  }
}

TEST_F(ExchangeTest, WaitsForAClientThatTakesNothingAndHearsThatItIsGone) {
  start();
  RawClient client(*core, address);
  client.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
  std::size_t before = 1;
  EXPECT_TRUE(turn_until(
      *core, [&] { return std::exchange(before, many.sent) == many.sent && many.sent > 0; }));
  EXPECT_LT(many.sent, 64U << 20U) << "what nobody takes is bounded";
  client.close();
  EXPECT_TRUE(turn_until(*core, [&] { return many.ended.reason() == "http.client_gone"; }));
}

}  // namespace
}  // namespace fairlead::http
