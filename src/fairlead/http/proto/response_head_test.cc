#include <gtest/gtest.h>

#include <string>

#include "fairlead/http/proto/head.h"

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

ResponseHead parsed(const std::string& text, bool to_head = false) {
  ResponseHeadParser parser;
  EXPECT_EQ(parser.parse(text, to_head), ParseState::kDone) << text;
  return parser.head();
}

Refusal refused(const std::string& text) {
  ResponseHeadParser parser;
  EXPECT_EQ(parser.parse(text, false), ParseState::kRefused) << text;
  return parser.refusal();
}

TEST(ResponseHead, TakesAHeadApart) {
  const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX: y\r\n\r\nabc";
  ResponseHeadParser parser;

  ASSERT_EQ(parser.parse(text, false), ParseState::kDone);

  EXPECT_EQ(parser.head().status, 404);
  EXPECT_EQ(parser.head().phrase, "Not Found");
  EXPECT_EQ(parser.head().framing.length, 3U);
  EXPECT_EQ(parser.fields().find("x"), "y");
  EXPECT_EQ(text.substr(parser.size()), "abc");
}

TEST(ResponseHead, WaitsForTheRestWhereverItIsCut) {
  const std::string text = "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n";
  ResponseHeadParser bytewise;
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const std::string part = text.substr(0, cut);
    ASSERT_EQ(bytewise.parse(part, false), ParseState::kNeedMore) << cut;
  }
  EXPECT_EQ(bytewise.parse(text, false), ParseState::kDone);
  EXPECT_EQ(bytewise.head().framing.body, BodyKind::kChunked);
}

TEST(ResponseHead, KnowsWhichBodyFollows) {
  const std::string length = "Content-Length: 5\r\n\r\n";
  EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\n" + length).framing.body, BodyKind::kLength);
  EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\n" + length, true).framing.body, BodyKind::kNone);
  EXPECT_EQ(parsed("HTTP/1.1 204 \r\n" + length).framing.body, BodyKind::kNone);
  EXPECT_EQ(parsed("HTTP/1.1 304 \r\n" + length).framing.body, BodyKind::kNone);
  EXPECT_EQ(parsed("HTTP/1.1 100\r\n\r\n").framing.body, BodyKind::kNone);
  EXPECT_EQ(parsed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").framing.body, BodyKind::kNone);
  const Framing close = parsed("HTTP/1.1 200 OK\r\n\r\n").framing;
  EXPECT_EQ(close.body, BodyKind::kUntilClose);
  EXPECT_FALSE(close.keep_alive);
}

TEST(ResponseHead, DecidesWhetherTheConnectionGoesOn) {
  EXPECT_TRUE(parsed("HTTP/1.1 204 No Content\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(parsed("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(parsed("HTTP/1.0 204 No Content\r\n\r\n").framing.keep_alive);
}

TEST(ResponseHead, EndsHttpWhereATunnelBegins) {
  ResponseHeadParser parser;
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  ASSERT_EQ(parser.parse(text, ResponseTo::kConnect), ParseState::kDone);
  EXPECT_EQ(parser.head().framing.body, BodyKind::kNone);
  EXPECT_TRUE(parser.head().framing.tunnel);
  EXPECT_FALSE(parser.head().framing.keep_alive);
  EXPECT_TRUE(parsed("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").framing.tunnel);

  parser.reset();
  ASSERT_EQ(parser.parse("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", ResponseTo::kConnect),
            ParseState::kDone);
  EXPECT_EQ(parser.head().framing.length, 5U) << "a refused CONNECT is answered like any request";
  EXPECT_FALSE(parser.head().framing.tunnel);
}

// RFC 9110 section 8.6: such an answer has no body, and must not speak of one.
TEST(ResponseHead, DoesNotGoOnAfterABodyThatMayNotBe) {
  EXPECT_FALSE(parsed("HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(parsed("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n").framing.keep_alive);
  EXPECT_TRUE(parsed("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n").framing.keep_alive);
  EXPECT_TRUE(parsed("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n").framing.keep_alive);
}

TEST(ResponseHead, RefusesWhatAServerMustNotSend) {
  for (const char* line :
       {"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 X", "HTTP/1.1 600 X",
        "HTTP/1.1  200 OK", "HTTP/1.1 20x OK", "http/1.1 200 OK", "ICY 200 OK"}) {
    EXPECT_EQ(refused(line + "\r\n\r\n"s), Refusal::kBadStartLine) << line;
  }
  EXPECT_EQ(refused("HTTP/2.0 200 OK\r\n\r\n"), Refusal::kBadVersion);
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(refused(ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Refusal::kLengthAndCoding);
  EXPECT_EQ(refused(ok + "Transfer-Encoding: gzip\r\n\r\n"), Refusal::kUnknownCoding);
  EXPECT_EQ(refused(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), Refusal::kBadLength);
  EXPECT_EQ(refused(ok + "A: b\r\n folded\r\n\r\n"), Refusal::kBadField);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\nA: b\n\n"), Refusal::kBadStartLine);
  EXPECT_EQ(refused(ok + "X: " + std::string(70000, 'a')), Refusal::kHeadTooLarge);
}

}  // namespace
}  // namespace fairlead::http::proto
