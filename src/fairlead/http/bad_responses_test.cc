// What lies behind us answers badly, and a client in front must never take that for an answer. A
// forwarder of our server and our client stands between a raw client and a scripted upstream.
// Numbered as in the project's list of bad inputs (section 2, beyond framing).
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/http/client.h"
#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::turn_until;

enum class Then : std::uint8_t { kKeeps, kCloses, kResets };

// Answers every request, whose head comes in one piece, with `bytes`.
struct Upstream {
  struct Peer final : io::StreamHandler {
    Peer(Upstream& owner, std::unique_ptr<io::Stream> made)
        : upstream(owner), stream(std::move(made)) {
      stream->start(*this);
    }
    io::ReadResult on_read(const Bytes& input) override {
      stream->output().append(upstream.bytes);
      stream->wrote();
      if (upstream.then == Then::kCloses) stream->close();
      if (upstream.then == Then::kResets) upstream.resetting = this;
      return {input.size(), 0};
    }
    // With output that was not sent: the other end sees a reset.
    void reset() {
      stream->output().append("x");
      stream->abort(Status(Code::kConnectionClosed, "test.reset", "on purpose"));
    }
    void on_end() override { stream->close(); }
    void on_close(Status) override { upstream.core.dispose(std::move(stream)); }

    Upstream& upstream;
    std::unique_ptr<io::Stream> stream;
  };

  explicit Upstream(io::Core& on) : core(on) {
    listener = core.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                             peers.emplace_back(*this, std::move(stream));
                           })
                   .value();
  }
  std::size_t open() const {
    std::size_t count = 0;
    for (const Peer& peer : peers) count += peer.stream != nullptr ? 1U : 0U;
    return count;
  }

  io::Core& core;
  std::list<Peer> peers;
  Peer* resetting = nullptr;  // once its answer has left
  std::string bytes;
  Then then = Then::kKeeps;
  std::unique_ptr<io::Listener> listener;
};

Task<Result<Response>> forward(Client* client, io::Address to, Deadline deadline,
                               Request& request) {
  ClientRequest sent{.address = std::move(to), .method = request.method, .target = request.target};
  Result<Response> got = co_await client->send(std::move(sent), deadline, request.cancelled);
  co_return got;
}

class BadResponses : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto handler = [this](Request& request) {
      return forward(client.get(), upstream.listener->local(), core->deadline_after(patience),
                     request);
    };
    server = Server::make(*core, {}, handler).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
  }
  // All that a client in front hears, when the upstream answers `bytes`.
  std::string hear(std::string bytes, Then then = Then::kKeeps) {
    upstream.bytes = std::move(bytes);
    upstream.then = then;
    upstream.resetting = nullptr;
    RawClient in_front(*core, address);
    in_front.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(turn_until(*core, [&] {
      in_front.turn();
      if (upstream.resetting != nullptr) std::exchange(upstream.resetting, nullptr)->reset();
      return in_front.closed();
    })) << in_front.received();
    return in_front.received();
  }
  // The client in front hears 502 with `reason`, it is counted once, and the connection behind is
  // not used again.
  void expect_bad_gateway(const std::string& answer, std::string_view reason) {
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 502 ")) << answer;
    EXPECT_NE(answer.find("\"reason\":\"" + std::string(reason) + "\""), std::string::npos)
        << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "one answer";
    EXPECT_EQ(client->idle_connections(), 0U);
    EXPECT_EQ(metrics.client_requests_failed.value(), ++failed);
    EXPECT_TRUE(turn_until(*core, [&] { return upstream.open() == 0; }));
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Upstream upstream{*core};
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  std::uint64_t failed = 0;
  std::unique_ptr<Client> client = Client::make(*core, {.metrics = metrics}).value();
  Duration patience = 10s;
  std::unique_ptr<Server> server;
  io::Address address;
};

std::string many(std::size_t count, std::string_view text) {
  std::string all;
  all.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

constexpr std::string_view kInterim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\n";

TEST_F(BadResponses, No9AStormOfInterimAnswersIsBounded) {
  const std::string good = hear(many(8, kInterim) + kOk + "Content-Length: 4\r\n\r\ngood");
  EXPECT_TRUE(good.starts_with(kOk)) << good;
  EXPECT_TRUE(good.ends_with("\r\n\r\ngood")) << good;
  EXPECT_EQ(good.find("103"), std::string::npos) << "interim answers end here";

  expect_bad_gateway(hear(many(9, kInterim) + kOk + "Content-Length: 4\r\n\r\ngood"),
                     "http.too_many_interim");
  expect_bad_gateway(hear(many(50'000, kInterim)), "http.too_many_interim");
}

TEST_F(BadResponses, No9InterimAnswersDoNotPutOffTheDeadline) {
  patience = 50ms;
  const std::string answer = hear(many(8, kInterim));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504 ")) << answer;
}

TEST_F(BadResponses, No10ALengthBesideACodingIsNoAnswer) {
  const std::string chunks = "5\r\nhello\r\n0\r\n\r\n";
  for (const char* fields : {"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"}) {
    expect_bad_gateway(hear(kOk + fields + "\r\n" + chunks), "http.length_and_coding");
  }
  expect_bad_gateway(hear(kOk + "Content-Length: 1\r\nContent-Length: 5\r\n\r\nhello"),
                     "http.bad_content_length");
  expect_bad_gateway(hear("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks),
                     "http.coding_in_http10");
  expect_bad_gateway(hear(kOk + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks),
                     "http.transfer_coding");
}

TEST_F(BadResponses, No11AHeadOfAMegabyteIsNoAnswer) {
  constexpr std::size_t kMegabyte = 1U << 20U;
  expect_bad_gateway(hear(kOk + "X: " + std::string(kMegabyte, 'x') + "\r\n\r\n"),
                     "http.head_too_large");
  expect_bad_gateway(hear(kOk + many(kMegabyte / 6, "X: y\r\n") + "\r\n"), "http.too_many_fields");
  expect_bad_gateway(hear("HTTP/1.1 200 " + std::string(kMegabyte, 'x') + "\r\n\r\n"),
                     "http.head_too_large");
  expect_bad_gateway(hear(kOk + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " +
                          std::string(kMegabyte, 'x') + "\r\n\r\n"),
                     "http.trailer_too_large");
}

TEST_F(BadResponses, No12AnAnswerThatIsCutAnywhereIsNoAnswer) {
  for (const std::string& whole :
       {kOk + "Content-Length: 5\r\n\r\nhello",
        kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    EXPECT_TRUE(hear(whole, Then::kCloses).starts_with(kOk));
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      for (const Then then : {Then::kCloses, Then::kResets}) {
        SCOPED_TRACE(whole.substr(0, cut));
        expect_bad_gateway(hear(whole.substr(0, cut), then),
                           cut == 0 ? "http.closed" : "http.response_cut");
      }
    }
  }
}

// Its end is the end of the connection, so only a reset can tell that it was cut.
TEST_F(BadResponses, No12ABodyUntilCloseIsWholeOnlyWhenTheConnectionEndsWell) {
  EXPECT_TRUE(hear(kOk + "\r\nhello", Then::kCloses).ends_with("\r\n\r\nhello"));
  expect_bad_gateway(hear(kOk + "\r\nhel", Then::kResets), "http.response_cut");
}

// ---- an answer that has begun and cannot be ended ----------------------------------------------

// Sends half an answer, waits until the test has seen it, and ends it as it was told.
class Half final : public Responder {
 public:
  explicit Half(io::Core& core) : core_(core) {}

  Result<BodyPlan> plan(const Request&) override { return BodyPlan{}; }
  void respond(Exchange& exchange) override { scope.spawn(give_half(this, exchange)); }

  Event seen;
  Scope scope;

 private:
  static Task<void> give_half(Half* self, Exchange& exchange) {
    std::optional<std::uint64_t> length;
    if (exchange.request().path == "/sized") length = 8;
    EXPECT_TRUE(exchange.begin(200, {}, length).ok());
    Status written = co_await exchange.write("half");
    EXPECT_TRUE(written.ok());
    Status waited =
        co_await self->seen.wait(self->core_.timers(), Deadline(), exchange.request().cancelled);
    if (!waited.ok()) {  // a drain has told it to end: it does, when the drain has cut it already
      Status slept = co_await Sleep(self->core_.timers(), self->core_.deadline_after(1ms));
      EXPECT_TRUE(slept.ok());
    }
    exchange.cut();
  }

  io::Core& core_;
};

class CutAnswers : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_TRUE(core->run(half.scope.close(core->timers(), core->deadline_after(5s))).ok());
  }
  // The client has got what was sent, and the system here holds nothing back.
  static void hear_half(RawClient& client, const std::string& request) {
    client.send(request);
    EXPECT_TRUE(client.wait_for("half").find("200 OK") != std::string::npos);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Half half{*core};
  std::unique_ptr<Server> server = Server::make(*core, {}, half).value();
  io::Address address = server->listen(io::Address::loopback(0)).value();
};

TEST_F(CutAnswers, No12AChunkedAnswerLacksItsLastChunk) {
  RawClient client(*core, address);
  hear_half(client, "GET /chunked HTTP/1.1\r\nHost: h\r\n\r\n");
  half.seen.set();
  EXPECT_TRUE(client.wait_for_close().ends_with("4\r\nhalf\r\n"));
}

TEST_F(CutAnswers, No12ASizedAnswerIsShorterThanItSaid) {
  RawClient client(*core, address);
  hear_half(client, "GET /sized HTTP/1.1\r\nHost: h\r\n\r\n");
  half.seen.set();
  const std::string& received = client.wait_for_close();
  EXPECT_NE(received.find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_TRUE(received.ends_with("\r\n\r\nhalf"));
}

// A client of HTTP/1.0 takes the end of the connection for the end of the body.
TEST_F(CutAnswers, No12AnAnswerUntilCloseEndsWithAReset) {
  RawClient client(*core, address);
  hear_half(client, "GET /closed HTTP/1.0\r\n\r\n");
  half.seen.set();
  client.wait_for_close();
  EXPECT_TRUE(client.reset());
}

TEST_F(CutAnswers, No12ADrainThatCutsItEndsWithAResetToo) {
  RawClient client(*core, address);
  hear_half(client, "GET /closed HTTP/1.0\r\n\r\n");
  EXPECT_EQ(core->run(server->close(Deadline(core->now()))).reason(), "http.drain_cut");
  client.wait_for_close();
  EXPECT_TRUE(client.reset());
}

}  // namespace
}  // namespace fairlead::http
