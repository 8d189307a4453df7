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
using testing::ClientExchangeTest;
using testing::kChunked;
using testing::kOk;
using testing::Read;
using testing::read_all;
using testing::ScriptedServer;
using testing::turn_until;
using testing::write_one;
using testing::Written;

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
  // Until nothing has moved for many turns.
  std::size_t before = 0;
  for (int still = 0; still < 100; ++still) {
    core->turn(Deadline(core->now()));
    if (std::exchange(before, server.unsent()) != server.unsent()) still = 0;
  }
  EXPECT_GT(server.unsent(), kBytes / 2) << "what the system does not hold is with the server";

  const Read read = read_to_end();

  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.body, std::string(kBytes, 'r'));
  exchange.reset();
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, ReadsOnWhereManyPiecesCameAtOnce) {
  std::string chunks;
  std::string body;
  for (int i = 0; i < 400; ++i) {
    const std::string data(1000, static_cast<char>('a' + i % 26));
    chunks += "3e8\r\n" + data + "\r\n";
    body += data;
  }
  open(get(), 0);
  Read read;
  core->spawn(read_all(exchange.get(), &read));
  server.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  ASSERT_TRUE(turn_until(*core, [&] { return read.ended; }));
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.body, body);
}

// A server that does not wait for the rest of a body resets the connection behind its answer.
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
