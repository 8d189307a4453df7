#include "fairlead/http/proto/head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fairlead/base/random.h"

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

constexpr std::string_view kHost = "Host: localhost\r\n";

std::string get(std::string_view fields) {
  return "GET /echo HTTP/1.1\r\n" + std::string(kHost) + std::string(fields) + "\r\n";
}

std::string many_fields(std::size_t count) {
  std::string fields;
  for (std::size_t i = 0; i < count; ++i) fields += "X-" + std::to_string(i) + ": v\r\n";
  return fields;
}

// The outcome for the whole text at once, after checking that cutting it changes nothing.
// kNone stands for "done"; a head that is still wanting more fails the test.
Refusal outcome_of(const std::string& text) {
  RequestHeadParser whole;
  const ParseState state = whole.parse(text);
  EXPECT_NE(state, ParseState::kNeedMore) << testing::PrintToString(text.substr(0, 80));

  RequestHeadParser bytewise;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::string part = text.substr(0, cut);  // elsewhere in memory each time
    if (bytewise.parse(part) != ParseState::kNeedMore) break;
  }
  EXPECT_EQ(bytewise.parse(text), state);
  EXPECT_EQ(bytewise.refusal(), whole.refusal()) << testing::PrintToString(text.substr(0, 80));
  return whole.refusal();
}

TEST(RequestHead, TakesAHeadApart) {
  const std::string text =
      "POST /math/divide?a=1 HTTP/1.1\r\nHost: h:80\r\nX-A: \t v w \t\r\nX-Empty:\r\n"
      "Content-Length: 5\r\n\r\nhello";
  RequestHeadParser parser;

  ASSERT_EQ(parser.parse(text), ParseState::kDone);

  EXPECT_EQ(parser.head().method, "POST");
  EXPECT_EQ(parser.head().target, "/math/divide?a=1");
  EXPECT_EQ(parser.head().parts.path, "/math/divide");
  EXPECT_EQ(parser.head().parts.query, "a=1");
  EXPECT_EQ(parser.head().authority, "h:80");
  EXPECT_EQ(parser.head().minor, 1);
  EXPECT_EQ(parser.head().framing.body, BodyKind::kLength);
  EXPECT_EQ(parser.head().framing.length, 5U);
  EXPECT_TRUE(parser.head().framing.keep_alive);
  ASSERT_EQ(parser.fields().size(), 4U);
  EXPECT_EQ(parser.fields()[1].name, "X-A");
  EXPECT_EQ(parser.fields().find("x-a"), "v w");
  EXPECT_EQ(parser.fields().find("x-empty"), "");
  EXPECT_EQ(parser.fields().find("x-none"), std::nullopt);
  EXPECT_EQ(text.substr(parser.size()), "hello");
}

TEST(RequestHead, WaitsForTheRestOfACutHead) {
  const std::string text = get("X-A: v\r\nContent-Length: 7\r\n");
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    RequestHeadParser parser;
    EXPECT_EQ(parser.parse(std::string_view(text).substr(0, cut)), ParseState::kNeedMore) << cut;
  }
  EXPECT_EQ(outcome_of(text), Refusal::kNone);
}

TEST(RequestHead, ServesTheNextMessageAfterReset) {
  const std::string text = get("") + "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
  RequestHeadParser parser;
  ASSERT_EQ(parser.parse(text), ParseState::kDone);
  const std::string_view rest = std::string_view(text).substr(parser.size());

  parser.reset();

  ASSERT_EQ(parser.parse(rest), ParseState::kDone);
  EXPECT_EQ(parser.head().target, "/b");
  EXPECT_EQ(parser.fields().size(), 1U);
}

TEST(RequestHead, AcceptsWhatTheStandardAllows) {
  for (const std::string& text : {
           get("X-A: caf\xE9 \xF0\x9F\x98\x80\r\n"),
           get("tRaNsFeR-eNcOdInG: ChUnKeD\r\n"),
           get("Content-Length: 0005\r\n"),
           get(many_fields(99)),
           get("X-L: " + std::string(60000, 'a') + "\r\n"),
           "\r\n\r\n" + get(""),
           "GET /echo HTTP/1.0\r\n\r\n"s,
           "GET /echo HTTP/1.0\r\nHost:\r\n\r\n"s,
           "GET /echo HTTP/1.2\r\nHost: x\r\n\r\n"s,
           "BREW /pot HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"s,
           "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"s,
           "GET http://other/x HTTP/1.1\r\nHost: x\r\n\r\n"s,
           "GET /" + std::string(8191, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
       }) {
    EXPECT_EQ(outcome_of(text), Refusal::kNone) << text.substr(0, 60);
  }
}

struct Bad {
  Refusal refusal;
  std::string text;
};

TEST(RequestHead, RefusesABadStartLine) {
  const std::string tail = "\r\n" + std::string(kHost) + "\r\n";
  const std::vector<Bad> cases = {
      {Refusal::kBadStartLine, "GET /echo" + tail},
      {Refusal::kBadStartLine, "GET  HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GET  /echo HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GET /echo  HTTP/1.1" + tail},
      {Refusal::kBadStartLine, " GET /echo HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GET\t/echo\tHTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GE(T /echo HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "G\x01T /echo HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GET /echo http/1.1" + tail},
      {Refusal::kBadStartLine, "GET /echo HTTP/11" + tail},
      {Refusal::kBadStartLine, "GET /echo HTTP/1.10" + tail},
      {Refusal::kBadStartLine, "GET /echo HTTP/1.1 x" + tail},
      {Refusal::kBadStartLine, "GET /echo x HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "GET /echo HTTP/1.1\nHost: x\n\n"},
      {Refusal::kBadStartLine, "GET /echo HTTP/1.1\rHost: x\r\r"},
      {Refusal::kBadStartLine, "GET /\0 HTTP/1.1"s + tail},
      {Refusal::kBadStartLine, "GET /\x7f HTTP/1.1" + tail},
      {Refusal::kBadStartLine, "\x16\x03\x01"},
      {Refusal::kBadStartLine, "\r\n\r\n\r\n" + get("")},
      {Refusal::kBadVersion, "GET /echo HTTP/2.0" + tail},
      {Refusal::kBadVersion, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {Refusal::kBadVersion, "GET /echo HTTP/0.9" + tail},
      {Refusal::kMethodTooLong, std::string(33, 'A') + " /echo HTTP/1.1" + tail},
      {Refusal::kMethodTooLong, std::string(10000, 'A')},
      {Refusal::kTargetTooLong, "GET /" + std::string(8192, 'a') + " HTTP/1.1" + tail},
      {Refusal::kTargetTooLong, "GET /" + std::string(70000, 'a')},
  };
  for (const Bad& bad : cases) {
    EXPECT_EQ(outcome_of(bad.text), bad.refusal) << testing::PrintToString(bad.text.substr(0, 60));
  }
}

TEST(RequestHead, RefusesBadFieldsWithoutRepairingThem) {
  for (const std::string& fields :
       {"Bad\r\n"s, ": v\r\n"s, "X A: v\r\n"s, "X-A : v\r\n"s, "X-A\t: v\r\n"s, "X(A): v\r\n"s,
        "X\xE9: v\r\n"s, "X\0A: v\r\n"s, "X: a\0b\r\n"s, "X: a\rb\r\n"s, "X: a\nY: b\r\n"s,
        "X: a\x01"
        "b\r\n"s,
        "X: a\x7f"
        "b\r\n"s,
        "X: a\r\n b\r\n"s, " X: a\r\n"s}) {
    EXPECT_EQ(outcome_of(get(fields)), Refusal::kBadField) << testing::PrintToString(fields);
  }
}

TEST(RequestHead, WantsExactlyOneValidHost) {
  for (const std::string& host :
       {""s, "Host: a\r\nHost: a\r\n"s, "Host:\r\n"s, "Host: a b\r\n"s, "Host: a/b\r\n"s,
        "Host: u@b\r\n"s, "Host: a, b\r\n"s, "Host: a:99999\r\n"s, "Host: [::1\r\n"s,
        "Host: a:\r\n"s, "Host: :80\r\n"s}) {
    EXPECT_EQ(outcome_of("GET / HTTP/1.1\r\n" + host + "\r\n"), Refusal::kBadHost) << host;
  }
}

TEST(RequestHead, TakesTheAuthorityOfAnAbsoluteTarget) {
  const std::string text = "GET http://other:81?q HTTP/1.1\r\nHost: localhost\r\n\r\n";
  RequestHeadParser parser;
  ASSERT_EQ(parser.parse(text), ParseState::kDone);
  EXPECT_EQ(parser.head().authority, "other:81");
  EXPECT_EQ(parser.head().parts.path, "/");
  EXPECT_EQ(parser.head().parts.query, "q");
}

TEST(RequestHead, RefusesEveryDoubtAboutTheBodysLength) {
  for (const char* value : {"+5", "-5", "0x5", "5.0", "", "abc", "5abc", "5 5", "5, 6", "5, 5",
                            "18446744073709551621", "9223372036854775813", "0_5", "\"5\""}) {
    const std::string text = get("Content-Length: "s + value + "\r\n");
    EXPECT_EQ(outcome_of(text), Refusal::kBadLength) << value;
  }
  EXPECT_EQ(outcome_of(get("Content-Length: 5\r\nContent-Length: 5\r\n")), Refusal::kBadLength);
  EXPECT_EQ(outcome_of(get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
            Refusal::kLengthAndCoding);
  EXPECT_EQ(outcome_of(get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
            Refusal::kLengthAndCoding);
  EXPECT_EQ(outcome_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Refusal::kCodingInHttp10);
  for (const char* value : {"xchunked", "identity", "gzip", "chunked, gzip", "gzip, chunked",
                            "chunked, chunked", "\"chunked\"", "chunked;q=1", "", ",chunked",
                            "\xA0"
                            "chunked",
                            "chunked\r\nTransfer-Encoding: chunked"}) {
    const std::string text = get("Transfer-Encoding: "s + value + "\r\n");
    EXPECT_EQ(outcome_of(text), Refusal::kUnknownCoding) << value;
  }
}

TEST(RequestHead, HoldsTheLimitsOnBothSides) {
  EXPECT_EQ(outcome_of(get(many_fields(100))), Refusal::kTooManyFields);
  const std::string empty = get("X-L: \r\n");
  EXPECT_EQ(outcome_of(get("X-L: " + std::string(kHeadBytesMax - empty.size(), 'a') + "\r\n")),
            Refusal::kNone);
  EXPECT_EQ(outcome_of(get("X-L: " + std::string(kHeadBytesMax - empty.size() + 1, 'a') + "\r\n")),
            Refusal::kHeadTooLarge);

  RequestHeadParser narrow({.head_bytes_max = 256, .target_bytes_max = 8, .fields_max = 2});
  EXPECT_EQ(narrow.parse("GET /1234567 HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n"), ParseState::kDone);
  narrow.reset();
  EXPECT_EQ(narrow.parse("GET /12345678 HTTP/1.1\r\n"), ParseState::kRefused);
  EXPECT_EQ(narrow.refusal(), Refusal::kTargetTooLong);
  narrow.reset();
  EXPECT_EQ(narrow.parse("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD: e\r\n"), ParseState::kRefused);
  EXPECT_EQ(narrow.refusal(), Refusal::kTooManyFields);
}

// Whatever comes: no crash, no view outside the input, and the same outcome however it is cut.
TEST(RequestHead, SurvivesMutatedHeads) {
  const std::string seed_text =
      "POST http://h:1/a%20b?c HTTP/1.1\r\nHost: [::1]:80\r\nX-A: b \t\r\nExpect: 100-continue\r\n"
      "Connection: close, upgrade\r\nContent-Length: 12\r\n\r\n";
  Random random(20240706);
  for (int round = 0; round < 3000; ++round) {
    std::string text = seed_text;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      const auto at = static_cast<std::size_t>(random.below(text.size()));
      switch (random.below(4)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, 1 + static_cast<std::size_t>(random.below(4)));
          break;
        case 2:
          text.insert(at, 1, "\r\n \t:,/%\0"[random.below(9)]);
          break;
        default:
          text.insert(at, text.substr(static_cast<std::size_t>(random.below(text.size())), 9));
      }
    }
    RequestHeadParser whole;
    RequestHeadParser cut;
    const ParseState state = whole.parse(text);
    for (std::size_t size = 0; size < text.size(); size += 1 + random.below(20)) {
      if (cut.parse(std::string(text, 0, size)) != ParseState::kNeedMore) break;
    }
    ASSERT_EQ(cut.parse(text), state) << ::testing::PrintToString(text) << " round " << round;
    ASSERT_EQ(cut.refusal(), whole.refusal()) << ::testing::PrintToString(text);
    if (state != ParseState::kDone) continue;
    ASSERT_LE(whole.size(), text.size());
    for (std::size_t i = 0; i < whole.fields().size(); ++i) {
      const Field field = whole.fields()[i];
      ASSERT_GE(field.name.data(), text.data());
      ASSERT_LE(field.value.data() + field.value.size(), text.data() + whole.size());
    }
  }
}

TEST(RequestHead, StaysRefused) {
  RequestHeadParser parser;
  ASSERT_EQ(parser.parse("BAD\r\n"), ParseState::kRefused);
  EXPECT_EQ(parser.parse(get("")), ParseState::kRefused);
}

TEST(RequestHead, DecidesWhetherTheConnectionGoesOn) {
  const auto keeps = [](const std::string& text) {
    RequestHeadParser parser;
    EXPECT_EQ(parser.parse(text), ParseState::kDone);
    return parser.head().framing.keep_alive;
  };
  EXPECT_TRUE(keeps(get("")));
  EXPECT_FALSE(keeps(get("Connection: foo , Close\r\n")));
  EXPECT_FALSE(keeps(get("Connection: keep-alive\r\nConnection: close\r\n")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(RequestHead, KnowsOneExpectation) {
  RequestHeadParser parser;
  ASSERT_EQ(parser.parse(get("Content-Length: 5\r\nExpect: 100-Continue\r\n")), ParseState::kDone);
  EXPECT_TRUE(parser.head().framing.expect_continue);
  parser.reset();
  ASSERT_EQ(parser.parse(get("Expect: 100-continue\r\n")), ParseState::kDone);
  EXPECT_FALSE(parser.head().framing.expect_continue) << "there is no body to wait for";

  for (const char* value :
       {"200-ok", "", "100-continue, x", "100-continue\r\nExpect: 100-continue"}) {
    EXPECT_EQ(outcome_of(get("Expect: "s + value + "\r\n")), Refusal::kBadExpect) << value;
  }
  EXPECT_EQ(outcome_of("GET / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n"), Refusal::kNone);
}

TEST(RequestHead, MarksAWishToUpgrade) {
  const auto upgrades = [](const std::string& fields) {
    RequestHeadParser parser;
    EXPECT_EQ(parser.parse(get(fields)), ParseState::kDone);
    return parser.head().framing.upgrade;
  };
  EXPECT_TRUE(upgrades("Connection: keep-alive, Upgrade\r\nUpgrade: websocket, foo/2\r\n"));
  EXPECT_FALSE(upgrades("Upgrade: websocket\r\n")) << "not for the next hop";
  EXPECT_FALSE(upgrades("Connection: Upgrade\r\n")) << "to what?";
  EXPECT_FALSE(upgrades("Connection: Upgrade\r\nUpgrade:\r\n"));
}

TEST(RequestHead, HearsThatTrailersAreWelcome) {
  const auto welcome = [](const std::string& fields) {
    RequestHeadParser parser;
    EXPECT_EQ(parser.parse(get(fields)), ParseState::kDone);
    return parser.head().framing.trailers;
  };
  EXPECT_TRUE(welcome("te: gzip;q=0.5 , Trailers\r\n"));
  EXPECT_FALSE(welcome("TE: gzip\r\n"));
  EXPECT_FALSE(welcome("TX: trailers\r\n"));
}

// Two mistakes in one line: the first to arrive is told, at once or byte by byte.
TEST(RequestHead, TellsTheFirstMistakeHoweverItIsCut) {
  const std::string tail = "\r\n" + std::string(kHost) + "\r\n";
  EXPECT_EQ(outcome_of(std::string(33, 'A') + "\x01"), Refusal::kMethodTooLong);
  EXPECT_EQ(outcome_of(std::string(33, 'A') + " /\x01 HTTP/1.1" + tail), Refusal::kMethodTooLong);
  EXPECT_EQ(outcome_of("GET /" + std::string(9000, 'a') + "\x01"), Refusal::kTargetTooLong);
  EXPECT_EQ(outcome_of("GET /" + std::string(9000, 'a') + tail), Refusal::kTargetTooLong);
  EXPECT_EQ(outcome_of("GET /# HTTP/3.0" + tail), Refusal::kBadVersion);
  EXPECT_EQ(outcome_of("GET /#a b HTTP/3.0" + tail), Refusal::kBadStartLine);
  EXPECT_EQ(outcome_of("GET /# HTTP/1.1\r\nBad\r\n"), Refusal::kBadTarget);
}

// RFC 9110 section 7.8, 10.1.1 and 10.1.4: all three are between two HTTP/1.1 neighbours.
TEST(RequestHead, HearsNoWishesOfHttp10) {
  RequestHeadParser parser;
  ASSERT_EQ(parser.parse("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\nTE: trailers\r\n"
                         "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"),
            ParseState::kDone);
  EXPECT_FALSE(parser.head().framing.upgrade);
  EXPECT_FALSE(parser.head().framing.trailers);
  EXPECT_FALSE(parser.head().framing.expect_continue);
}

}  // namespace
}  // namespace fairlead::http::proto
