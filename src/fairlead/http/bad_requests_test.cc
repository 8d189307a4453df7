// Ugly requests against the server, numbered as in the project's list of bad inputs (section 2,
// what lies beyond framing). tests/e2e/http/README.md says which test has the numbers that are
// missing.
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"
#include "tests/testkit/heap.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::turn_until;

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

class BadRequests : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.metrics = metrics;
    const auto echo = [](const Request& request) -> Result<Response> {
      return Response::text(200, "<" + request.path + "|" + request.query + "|" +
                                     std::string(request.body.view()) + ">");
    };
    server = Server::make(*core, options, plain_handler(echo)).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_EQ(server->connections(), 0U);
  }
  // All that the server says to `bytes` until it closes; others are served in the meantime.
  std::string ask(std::string_view bytes) {
    RawClient client(*core, address);
    client.send(bytes);
    RawClient other(*core, address);
    other.send(kGet);
    EXPECT_TRUE(other.wait_for_close().ends_with("</x||>"));
    return client.wait_for_close();
  }
  std::string get(std::string_view target, std::string_view fields = "") {
    return ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
               std::string(fields) + "\r\n");
  }

  // Refused with `status`, counted once, and the connection closed.
  void expect_refused(const std::string& answer, std::string_view status) {
    EXPECT_EQ(answer.substr(9, 3), status) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
    EXPECT_EQ(metrics.requests_refused.value(), ++refused);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  std::uint64_t refused = 0;
  std::unique_ptr<Server> server;
  io::Address address;
};

bool is_served(std::string_view answer) { return answer.starts_with("HTTP/1.1 200 OK\r\n"); }

std::string_view body_of(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string_view() : answer.substr(end + 4);
}

std::string list_of(std::size_t count, std::string_view element) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list.append(i == 0 ? "" : ",").append(element);
  return list;
}

TEST_F(BadRequests, No1ThePathIsDecodedOnceAndTheQueryNotAtAll) {
  start();
  EXPECT_EQ(body_of(get("/%252e%252e/x?a=%252e")), "</%2e%2e/x|a=%252e|>");
  EXPECT_EQ(body_of(get("/%25252f")), "</%252f||>");
}

TEST_F(BadRequests, No2OnePathIsMatchedHoweverItIsWritten) {
  start();
  for (const char* same : {"/a/b", "//a/b", "/a//b", "///a////b", "/%61/b", "http://o//a/b"}) {
    EXPECT_EQ(body_of(get(same)), "</a/b||>") << same;
  }
  EXPECT_EQ(body_of(get("/a;v=1/b;w")), "</a;v=1/b;w||>") << "';' is a byte of the name";
}

TEST_F(BadRequests, No2PathsThatReadDifferentlyElsewhereAreRefused) {
  start();
  for (const char* bad :
       {"/./a", "/a/.", "/../a", "/a/../b", "/%2e%2e/a", "/a/%2E/b", "/.%2e/a", "//../a", "/a%2fb",
        "/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "http://o/../a"}) {
    SCOPED_TRACE(bad);
    expect_refused(get(bad), "400");
  }
}

// Ranges are not served here (RFC 9110 section 14.2 allows that): one whole copy, whatever is
// asked.
TEST_F(BadRequests, No4AThousandRangesAreOneCopy) {
  start();
  for (const std::string& ranges : {list_of(1000, "0-0"), list_of(1000, "0-"), std::string("-1")}) {
    const std::string answer = get("/whole", "Range: bytes=" + ranges + "\r\n");
    EXPECT_TRUE(is_served(answer)) << answer;
    EXPECT_EQ(body_of(answer), "</whole||>");
    EXPECT_EQ(answer.find("Content-Range"), std::string::npos);
  }
}

TEST_F(BadRequests, No5CodingsWithoutEndAreBoundedByTheHead) {
  start();
  const std::string field = "Accept-Encoding: ";
  const std::string many = list_of(9000, "gzip;q");
  ASSERT_GT(many.size(), 60'000U);

  const std::string taken = get("/x", field + many + "\r\n");
  EXPECT_EQ(body_of(taken), "</x||>");
  EXPECT_EQ(taken.find("Content-Encoding"), std::string::npos);
  expect_refused(get("/x", field + many + many + "\r\n"), "431");
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += field + "gzip\r\n";
  expect_refused(get("/x", fields), "431");
}

TEST_F(BadRequests, No5NothingOfALargeHeadIsKept) {
  start();
  const std::string large = "Accept-Encoding: " + list_of(9000, "gzip;q") + "\r\n";
  constexpr int kRoundsMax = 8;  // until what is kept for later requests is full
  std::int64_t grown = 1;
  for (int round = 0; round < kRoundsMax && grown != 0; ++round) {
    const std::int64_t before = testkit::heap().bytes;
    get("/x", large);
    EXPECT_TRUE(turn_until(*core, [&] { return server->connections() == 0; }));
    grown = testkit::heap().bytes - before;
  }
  EXPECT_EQ(grown, 0);
}

// Nobody here takes multipart apart: what counts is the framing of the message.
TEST_F(BadRequests, No7AMultipartBodyThatDoesNotEndIsWaitedForAndRefused) {
  start({.body_timeout = 30ms});
  const std::string head =
      "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
      "Content-Type: multipart/form-data; boundary=b\r\n";
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1";

  const std::string cut = ask(head + "Content-Length: 1000\r\n\r\n" + part);
  expect_refused(cut, "408");
  EXPECT_NE(cut.find("http.body_timeout"), std::string::npos);
  expect_refused(ask(head + "Transfer-Encoding: chunked\r\n\r\n38\r\n" + part), "408");
  const std::string length = "Content-Length: " + std::to_string(part.size()) + "\r\n\r\n";
  EXPECT_EQ(body_of(ask(head + length + part)), "</x||" + part + ">") << "whole, for who reads it";
}

TEST_F(BadRequests, No8ABodyThatWasAnnouncedAndDoesNotComeIsWaitedFor) {
  start({.body_timeout = 30ms});
  const std::string head = "POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  for (const char* framing : {"Content-Length: 5\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
    const std::string answer = ask(head + framing);
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    ASSERT_TRUE(answer.starts_with(kContinue)) << answer;
    expect_refused(answer.substr(kContinue.size()), "408");
  }
}

// RFC 9110 section 10.1.1: an expectation without content is none.
TEST_F(BadRequests, No8ARequestWithoutABodyIsAnsweredAtOnce) {
  start();
  const std::string answer = get("/x", "Expect: 100-continue\r\n");
  EXPECT_TRUE(is_served(answer)) << answer;
  EXPECT_EQ(answer.find("100 Continue"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::http
