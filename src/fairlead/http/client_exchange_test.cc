#include "fairlead/http/client_exchange.h"

#include <gtest/gtest.h>

#include <array>

#include "fairlead/http/client.h"
#include "fairlead/http/client_testing.h"
#include "fairlead/http/testing.h"
#include "fairlead/io/simulation.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedServer;
using testing::turn_until;

constexpr std::optional<std::uint64_t> kChunked = std::nullopt;
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What became of reading a response to its end.
struct Read {
  Status answered;
  Status status;  // of the last read()
  std::string body;
  std::size_t pieces = 0;
  bool ended = false;
};

Task<void> read_all(ClientExchange* exchange, Read* read) {
  read->answered = co_await exchange->answered();
  while (true) {
    Result<Bytes> piece = co_await exchange->read();
    read->status = piece.status();
    if (!piece.ok() || piece->empty()) break;
    read->body += piece->view();
    ++read->pieces;
  }
  read->ended = true;
}

// What became of one write().
struct Written {
  Status status;
  bool ended = false;
};

Task<void> write_one(ClientExchange* exchange, Bytes piece, Written* written) {
  written->status = co_await exchange->write(std::move(piece));
  written->ended = true;
}

class ClientExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.metrics = metrics;
    client = Client::make(*core, options).value();
  }
  void TearDown() override {
    exchange.reset();
    EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
  }
  ClientRequest post() {
    ClientRequest request;
    request.address = server.address();
    request.method = "POST";
    return request;
  }
  ClientRequest get() {
    ClientRequest request;
    request.address = server.address();
    return request;
  }
  // Opens `exchange`, and waits until the server has its head.
  void open(ClientRequest request, std::optional<std::uint64_t> length, Duration time = 20s,
            CancelToken cancel = {}) {
    exchange.reset();
    const std::size_t seen = server.received().size();
    auto opened = core->run(
        client->open(std::move(request), length, core->deadline_after(time), std::move(cancel)));
    ASSERT_TRUE(opened.ok()) << opened.status();
    exchange = std::move(opened).value();
    ASSERT_TRUE(turn_until(
        *core, [&] { return server.received().find("\r\n\r\n", seen) != std::string::npos; }));
  }
  Status write(std::string_view piece) { return core->run(exchange->write(Bytes(piece))); }
  Status answered() { return core->run(exchange->answered()); }
  Read read_to_end() {
    Read read;
    core->run(read_all(exchange.get(), &read));
    return read;
  }
  bool wait_for_received(std::string_view text) {
    return turn_until(*core, [&] { return server.received().ends_with(text); });
  }
  void expect_closed() {
    EXPECT_TRUE(turn_until(*core, [&] { return server.is_closed(); }));
    EXPECT_EQ(client->idle_connections(), 0U);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  ScriptedServer server{*core};
  std::unique_ptr<Client> client;
  std::unique_ptr<ClientExchange> exchange;
};

TEST_F(ClientExchangeTest, StreamsABodyOfKnownLengthAndGivesTheConnectionBack) {
  open(post(), 4);
  EXPECT_TRUE(write("ab").ok());
  EXPECT_TRUE(write("").ok());
  EXPECT_TRUE(write("cd").ok());
  EXPECT_TRUE(exchange->finish().ok());
  ASSERT_TRUE(wait_for_received("abcd"));
  server.say(kOk);

  ASSERT_TRUE(answered().ok());
  EXPECT_EQ(exchange->response().status, 200);
  EXPECT_EQ(exchange->response().fields.find("content-length"), "2");
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();

  EXPECT_EQ(client->idle_connections(), 1U);
  EXPECT_EQ(server.received(), "POST / HTTP/1.1\r\nHost: " + server.address().to_text() +
                                   "\r\nContent-Length: 4\r\n\r\nabcd");
}

TEST_F(ClientExchangeTest, NeedsNoFinishWhereTheLengthIsReached) {
  open(post(), 2);
  EXPECT_TRUE(write("ab").ok());
  server.say(kOk);
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, StreamsChunksWithTrailersBothWays) {
  ClientRequest request = post();
  request.accept_trailers = true;
  open(std::move(request), kChunked);
  EXPECT_TRUE(write("hello").ok());
  const std::string large(64 * 1024, 'x');  // is not copied
  EXPECT_TRUE(write(large).ok());
  const std::array<Field, 1> sum = {Field{"X-Sum", "9"}};
  EXPECT_TRUE(exchange->finish(sum).ok());
  ASSERT_TRUE(wait_for_received("0\r\nX-Sum: 9\r\n\r\n"));
  server.say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
      "X-Time: 3\r\nContent-Length: 9\r\n\r\n");

  EXPECT_EQ(read_to_end().body, "ab");
  EXPECT_EQ(exchange->response().trailers.size(), 1U) << "a forbidden one is left out";
  EXPECT_EQ(exchange->response().trailers.find("x-time"), "3");
  EXPECT_EQ(exchange->response().fields.find("x-time"), std::nullopt);
  EXPECT_TRUE(server.received().ends_with(
      "\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n10000\r\n" +
      large + "\r\n0\r\nX-Sum: 9\r\n\r\n"));
}

TEST_F(ClientExchangeTest, WritesNoBodyWhereThereIsNone) {
  open(get(), 0);
  EXPECT_EQ(server.received().find("Content-Length"), std::string::npos);
  server.say("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(read_to_end().body, "");
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, ReadsEveryFramingHoweverItIsCut) {
  const std::string head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n";
  struct Case {
    std::string bytes;
    bool close;
  };
  for (const Case& c :
       {Case{head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n",
             false},
        Case{head + "Content-Length: 3\r\n\r\nabc", false}, Case{head + "\r\nabc", true}}) {
    for (std::size_t cut = 1; cut < c.bytes.size(); ++cut) {
      open(get(), 0);
      Read read;
      core->spawn(read_all(exchange.get(), &read));
      server.say(c.bytes.substr(0, cut));
      for (int turns = 0; turns < 3; ++turns) core->turn(Deadline(core->now()));
      server.say(c.bytes.substr(cut));
      if (c.close) server.close();
      ASSERT_TRUE(turn_until(*core, [&] { return read.ended; })) << cut;
      EXPECT_TRUE(read.answered.ok() && read.status.ok()) << cut << read.status;
      EXPECT_EQ(read.body, "abc") << cut;
    }
  }
}

TEST_F(ClientExchangeTest, NeverLetsACutResponseLookWhole) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const std::string& whole :
       {head + "Content-Length: 3\r\n\r\nabc",
        head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      open(get(), 0);
      server.say(whole.substr(0, cut));
      server.close();

      const Read read = read_to_end();

      EXPECT_EQ(read.status.reason(), cut == 0 ? "http.closed" : "http.response_cut") << cut;
      EXPECT_EQ(read.status.outcome(), Outcome::kUnknown);
      EXPECT_EQ(read.answered.ok(), cut >= whole.find("\r\n\r\n") + 4) << cut;
      exchange.reset();
      EXPECT_EQ(client->idle_connections(), 0U);
    }
  }
  // One that lasts until the connection closes is cut by a reset only.
  open(get(), 0);
  server.say(head + "\r\nabc");
  ASSERT_TRUE(answered().ok());
  server.abort_all();
  server.say("more");
  EXPECT_EQ(read_to_end().status.reason(), "http.response_cut");
}

TEST_F(ClientExchangeTest, TellsTheResponseWhileTheRequestIsBeingSent) {
  open(post(), kChunked);
  server.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(answered().ok());
  for (const std::string_view text : {"one", "two"}) {
    EXPECT_TRUE(write(text).ok());
    ASSERT_TRUE(wait_for_received("3\r\n" + std::string(text) + "\r\n"));
    server.say("3\r\n" + std::string(text) + "\r\n");
    EXPECT_EQ(core->run(exchange->read())->view(), text);
  }
  EXPECT_TRUE(exchange->finish().ok());
  server.say("0\r\n\r\n");
  EXPECT_TRUE(read_to_end().status.ok());
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, WaitsForAServerThatTakesNothing) {
  open(post(), kChunked);
  server.stop_reading();
  const Bytes piece(std::string(64 * 1024, 'p'));
  std::size_t sent = 0;
  Written written{.status = {}, .ended = true};
  while (written.ended && sent < (64U << 20U)) {
    written = {};
    core->spawn(write_one(exchange.get(), piece, &written));
    sent += piece.size();
    for (int turns = 0; turns < 3; ++turns) core->turn(Deadline(core->now()));
  }
  EXPECT_FALSE(written.ended) << "the system and 256 KiB here are full";

  server.go_on_reading();
  ASSERT_TRUE(turn_until(*core, [&] { return written.ended; }));
  EXPECT_TRUE(written.status.ok());
  EXPECT_TRUE(exchange->finish().ok());
  EXPECT_TRUE(wait_for_received("p\r\n0\r\n\r\n"));
  EXPECT_GT(server.received().size(), sent);
}

TEST_F(ClientExchangeTest, ReadsNoMoreOfAResponseThanIsTaken) {
  constexpr std::size_t kBytes = 32U << 20U;
  open(get(), 0);
  server.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n" +
             std::string(kBytes, 'r'));
  std::size_t before = 0;
  EXPECT_TRUE(
      turn_until(*core, [&] { return std::exchange(before, server.unsent()) == server.unsent(); }));
  EXPECT_GT(server.unsent(), 0U) << "the rest is with the server";

  const Read read = read_to_end();

  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.body, std::string(kBytes, 'r'));
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, ReadsOnWhereManyPiecesCameAtOnce) {
  std::string chunks;
  std::string body;
  for (int i = 0; i < 30'000; ++i) {
    chunks += "3\r\nabc\r\n";
    body += "abc";
  }
  open(get(), 0);
  Read read;
  core->spawn(read_all(exchange.get(), &read));
  server.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  ASSERT_TRUE(turn_until(*core, [&] { return read.ended; }));
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.body, body);
}

TEST_F(ClientExchangeTest, StopsSendingWhenTheServerHasAnswered) {
  open(post(), 400);
  EXPECT_TRUE(write("abc").ok());
  server.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(answered().ok());

  const Status more = write("def");

  EXPECT_EQ(more.code(), Code::kConnectionClosed);
  EXPECT_EQ(more.reason(), "http.answered");
  EXPECT_TRUE(exchange->finish().ok()) << "nothing to say that the answer does not";
  EXPECT_EQ(exchange->response().status, 413);
  EXPECT_EQ(read_to_end().body, "no");
  exchange.reset();
  expect_closed();
  EXPECT_EQ(server.received().find("def"), std::string::npos);
}

TEST_F(ClientExchangeTest, StopsWaitingToSendWhenTheServerHasAnswered) {
  open(post(), 64U << 20U);
  server.stop_reading();
  Written written;
  core->spawn(write_one(exchange.get(), Bytes(std::string(32U << 20U, 'p')), &written));
  core->turn(Deadline(core->now()));
  ASSERT_FALSE(written.ended);
  server.say(kOk);
  ASSERT_TRUE(turn_until(*core, [&] { return written.ended; }));
  EXPECT_EQ(written.status.reason(), "http.answered");
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 0U);
}

// A server that does not wait for the rest of a body resets the connection behind its answer.
TEST_F(ClientExchangeTest, ReadsAnAnswerThatCameInFrontOfAReset) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const io::Address any = io::Address::loopback(0);
  ASSERT_EQ(::bind(listening, any.get(), any.length()), 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&bound), &length), 0);
  ClientRequest request = post();
  request.address = io::Address::from_socket(bound, length);
  auto opened = core->run(client->open(std::move(request), 64U << 20U, core->deadline_after(20s)));
  ASSERT_TRUE(opened.ok()) << opened.status();
  exchange = std::move(opened).value();
  Written written;
  core->spawn(write_one(exchange.get(), Bytes(std::string(32U << 20U, 'p')), &written));
  core->turn(Deadline(core->now()));
  ASSERT_FALSE(written.ended);

  const int accepted = ::accept(listening, nullptr, nullptr);
  const std::string answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
  EXPECT_EQ(::send(accepted, answer.data(), answer.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(answer.size()));
  ::close(accepted);
  ::close(listening);

  EXPECT_EQ(read_to_end().body, "no");
  EXPECT_EQ(exchange->response().status, 413);
  EXPECT_EQ(written.status.reason(), "http.answered");
}

TEST_F(ClientExchangeTest, RefusesABodyThatIsNotAsLongAsWasTold) {
  open(post(), 4);
  EXPECT_TRUE(write("abc").ok());
  EXPECT_EQ(write("de").reason(), "http.too_long");
  EXPECT_EQ(exchange->finish().reason(), "http.too_short");
  EXPECT_EQ(answered().reason(), "http.too_short");
  exchange.reset();
  expect_closed();
  EXPECT_EQ(server.received().find("de"), std::string::npos);
}

TEST_F(ClientExchangeTest, CutsARequestWhoseTrailersCannotBeSent) {
  open(post(), kChunked);
  const std::array<Field, 1> forbidden = {Field{"Content-Length", "1"}};
  EXPECT_EQ(exchange->finish(forbidden).reason(), "http.bad_trailer");
  exchange.reset();
  expect_closed();
  EXPECT_EQ(server.received().find("0\r\n\r\n"), std::string::npos);
}

TEST_F(ClientExchangeTest, CutsARequestThatIsDropped) {
  for (const bool began : {false, true}) {
    open(post(), kChunked);
    EXPECT_TRUE(write("abc").ok());
    if (began) {
      server.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
      ASSERT_TRUE(answered().ok());
    }
    exchange.reset();
    expect_closed();
  }
  EXPECT_EQ(server.received().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(metrics.client_requests_failed.value(), 0U);
}

TEST_F(ClientExchangeTest, EndsAtTheDeadlineWhateverItWaitsFor) {
  open(post(), kChunked, 30ms);
  server.stop_reading();
  Written written;
  core->spawn(write_one(exchange.get(), Bytes(std::string(32U << 20U, 'p')), &written));
  Read read;
  core->spawn(read_all(exchange.get(), &read));
  ASSERT_TRUE(turn_until(*core, [&] { return written.ended && read.ended; }));
  for (const Status& status : {written.status, read.answered, read.status, answered()}) {
    EXPECT_EQ(status.code(), Code::kDeadlineExceeded) << status;
    EXPECT_EQ(status.reason(), "wait.deadline");
    EXPECT_EQ(status.outcome(), Outcome::kUnknown);
  }
  exchange.reset();
  server.go_on_reading();
  expect_closed();
  EXPECT_EQ(metrics.client_requests_failed.value(), 1U);
}

TEST_F(ClientExchangeTest, NoticesTheDeadlineWhereNothingWaits) {
  open(post(), kChunked, 20ms);
  EXPECT_TRUE(turn_until(*core, [&] { return write("x").reason() == "wait.deadline"; }));
  EXPECT_EQ(read_to_end().status.code(), Code::kDeadlineExceeded);
  expect_closed();
}

TEST_F(ClientExchangeTest, EndsWhenItIsCancelled) {
  CancelSource source;
  open(post(), kChunked, 20s, source.token());
  Read read;
  core->spawn(read_all(exchange.get(), &read));
  source.cancel();
  EXPECT_TRUE(read.ended);
  EXPECT_EQ(read.answered.code(), Code::kCancelled);
  EXPECT_EQ(write("x").code(), Code::kCancelled);
  expect_closed();
}

TEST_F(ClientExchangeTest, LeavesOutWhatIsOfTheHop) {
  ClientRequest request = get();
  for (const auto& [name, value] :
       {Field{"Connection", "close, X-Mine"}, Field{"X-Mine", "1"}, Field{"Keep-Alive", "9"},
        Field{"Upgrade", "h2c"}, Field{"TE", "gzip"}, Field{"Proxy-Authorization", "secret"},
        Field{"Expect", "100-continue"}, Field{"X-Kept", "2"}}) {
    request.fields.add(name, value);
  }
  open(std::move(request), 0);
  EXPECT_EQ(server.received(),
            "GET / HTTP/1.1\r\nHost: " + server.address().to_text() + "\r\nX-Kept: 2\r\n\r\n");
}

TEST_F(ClientExchangeTest, SaysWhetherItsConnectionIsAKeptOneAndTakesAFreshOneWhenAsked) {
  open(get(), 0);
  EXPECT_FALSE(exchange->reused());
  server.say(kOk);
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  open(get(), 0);
  EXPECT_TRUE(exchange->reused());
  server.close();
  EXPECT_EQ(answered().reason(), "http.closed");
  exchange.reset();

  open(get(), 0);
  server.say(kOk);
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  ClientRequest fresh = get();
  fresh.fresh = true;
  open(std::move(fresh), 0);
  EXPECT_FALSE(exchange->reused());
  EXPECT_EQ(server.connections(), 3U);
}

TEST_F(ClientExchangeTest, BoundsInterimResponses) {
  open(get(), 0);
  for (int i = 0; i < 9; ++i) server.say("HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(answered().reason(), "http.too_many_interim");
  expect_closed();
}

TEST_F(ClientExchangeTest, CountsTrailersAsAPartOfTheHead) {
  open(get(), 0);
  std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  for (std::size_t i = 1; i < proto::kFieldsMax; ++i) head += "a: b\r\n";
  server.say(head + "\r\n0\r\nc: d\r\n\r\n");
  const Read read = read_to_end();
  EXPECT_TRUE(read.answered.ok());
  EXPECT_EQ(read.status.code(), Code::kBadGateway);
  EXPECT_EQ(read.status.reason(), "http.trailer_too_large");
}

TEST_F(ClientExchangeTest, KeepsTheClientOpenUntilItEnds) {
  open(get(), 0);
  EXPECT_EQ(core->run(client->close(core->deadline_after(5ms))).code(), Code::kDeadlineExceeded);
  server.say(kOk);
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 0U) << "a client that closes keeps none";
  EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
  EXPECT_EQ(core->run(client->open(get(), 0, {})).status().reason(), "http.client_closed");
}

TEST_F(ClientExchangeTest, SaysWhatWasNeverSent) {
  ClientRequest split = get();
  split.fields.add("X", "a\r\nb: c");
  const auto opened = core->run(client->open(std::move(split), 0, core->deadline_after(5s)));
  EXPECT_EQ(opened.status().reason(), "http.bad_field");
  EXPECT_EQ(opened.status().outcome(), Outcome::kNotSent);
  EXPECT_EQ(metrics.client_requests_failed.value(), 1U);
}

// ---- Expect: 100-continue ---------------------------------------------------------------------

TEST_F(ClientExchangeTest, HoldsABodyBackUntilTheServerAsksForIt) {
  ClientRequest request = post();
  request.expect_continue = true;
  open(std::move(request), 4);
  EXPECT_TRUE(server.received().ends_with("Expect: 100-continue\r\n\r\n"));
  Written written;
  core->spawn(write_one(exchange.get(), Bytes("body"), &written));
  for (int turns = 0; turns < 3; ++turns) core->turn(Deadline(core->now()));
  EXPECT_FALSE(written.ended);

  server.say("HTTP/1.1 102 Processing\r\n\r\n");
  for (int turns = 0; turns < 3; ++turns) core->turn(Deadline(core->now()));
  EXPECT_FALSE(written.ended) << "any other 1xx says nothing about the body";
  server.say("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(wait_for_received("\r\n\r\nbody"));
  EXPECT_TRUE(written.ended && written.status.ok());
  server.say(kOk);
  EXPECT_EQ(read_to_end().body, "ok");
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, SendsNoBodyWhereTheServerAnswersInsteadOfAsking) {
  ClientRequest request = post();
  request.expect_continue = true;
  open(std::move(request), 4);
  server.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nn");
  ASSERT_TRUE(answered().ok());

  EXPECT_EQ(write("body").reason(), "http.answered");
  EXPECT_TRUE(exchange->finish().ok());
  server.say("o");
  EXPECT_EQ(read_to_end().body, "no");
  exchange.reset();
  expect_closed();
  EXPECT_TRUE(server.received().ends_with("Expect: 100-continue\r\n\r\n"));
}

TEST_F(ClientExchangeTest, ExpectsNothingWithoutABody) {
  ClientRequest request = post();
  request.expect_continue = true;
  open(std::move(request), 0);
  EXPECT_EQ(server.received().find("Expect"), std::string::npos);
}

TEST_F(ClientExchangeTest, HoldsTheBodyOfAWholeRequestBackToo) {
  ClientRequest request = post();
  request.expect_continue = true;
  request.body = Bytes("body");
  server.will("HTTP/1.1 100 Continue\r\n\r\n");
  server.will("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
  const auto send = [](Client* sending, ClientRequest what, Deadline deadline,
                       std::optional<Result<Response>>* out) -> Task<void> {
    Result<Response> got = co_await sending->send(std::move(what), deadline);
    out->emplace(std::move(got));
  };
  std::optional<Result<Response>> result;
  core->spawn(send(client.get(), request, core->deadline_after(20s), &result));
  ASSERT_TRUE(wait_for_received("\r\n\r\nbody"));
  server.say(kOk);
  ASSERT_TRUE(turn_until(*core, [&] { return result.has_value(); }));
  EXPECT_EQ((*result)->body.view(), "ok");

  result.reset();
  core->spawn(send(client.get(), request, core->deadline_after(20s), &result));
  ASSERT_TRUE(turn_until(*core, [&] { return result.has_value(); }));
  EXPECT_EQ((*result)->status, 417);
  EXPECT_TRUE(server.received().ends_with("Expect: 100-continue\r\n\r\n"));
}

// On virtual time: a second passes at once.
TEST(ClientExchangeOnVirtualTime, SendsTheBodyWhenASecondHasPassedInSilence) {
  io::Simulation simulation(7);
  io::Core& far = simulation.add_core("server");
  io::Core& near = simulation.add_core("client");
  {
    ScriptedServer server(far, io::Address::parse("10.0.0.1:80").value());
    auto client = Client::make(near, {}).value();
    ClientRequest request{.address = server.address(), .method = "POST", .expect_continue = true};
    auto opened = near.run(client->open(std::move(request), 4, near.deadline_after(20s)));
    ASSERT_TRUE(opened.ok()) << opened.status();
    const Time began = simulation.now();

    EXPECT_TRUE(near.run((*opened)->write(Bytes("body"))).ok());

    EXPECT_GE(simulation.now() - began, 1s);
    EXPECT_LT(simulation.now() - began, 1100ms);
    opened->reset();
    EXPECT_TRUE(near.run(client->close(near.deadline_after(5s))).ok());
  }
  for (io::Core* core : {&near, &far}) core->turn(Deadline(simulation.now()));
}

}  // namespace
}  // namespace fairlead::http
