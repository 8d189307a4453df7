// How an exchange of a client ends otherwise than well: cut, late, cancelled, dropped, answered
// early.
#include "fairlead/http/client_exchange.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "fairlead/http/client.h"
#include "fairlead/http/client_testing.h"
#include "fairlead/http/testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::ClientExchangeTest;
using testing::kChunked;
using testing::kOk;
using testing::Read;
using testing::read_all;
using testing::turn_until;
using testing::write_one;
using testing::Written;

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

}  // namespace
}  // namespace fairlead::http
