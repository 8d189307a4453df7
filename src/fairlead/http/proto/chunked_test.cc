#include "fairlead/http/proto/chunked.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

struct Decoded {
  ParseState state = ParseState::kNeedMore;
  Refusal refusal = Refusal::kNone;
  std::string body;
  std::size_t consumed = 0;
};

// Decodes `text` in pieces of `piece` bytes.
Decoded decode(std::string_view text, std::size_t piece) {
  ChunkedDecoder decoder;
  Decoded result;
  while (!text.empty() && result.state == ParseState::kNeedMore) {
    std::string_view part = text.substr(0, piece);
    text.remove_prefix(part.size());
    while (!part.empty() && result.state == ParseState::kNeedMore) {
      const ChunkedDecoder::Step step = decoder.next(part);
      result.body += step.data;
      result.consumed += step.consumed;
      result.state = step.state;
      part.remove_prefix(step.consumed);
    }
  }
  result.refusal = decoder.refusal();
  return result;
}

Decoded decode(const std::string& text) {
  const Decoded whole = decode(text, text.size());
  for (const std::size_t piece : {1U, 2U, 3U, 7U}) {
    const Decoded cut = decode(text, piece);
    EXPECT_EQ(cut.state, whole.state);
    EXPECT_EQ(cut.refusal, whole.refusal);
    EXPECT_EQ(cut.consumed, whole.consumed);
    EXPECT_EQ(cut.body, whole.body);
  }
  return whole;
}

TEST(Chunked, PutsTheBodyTogetherAndLeavesWhatFollows) {
  const std::string text = "2\r\nhe\r\n3;a=b;c=\"d\"\r\nllo\r\n0\r\nX-T: 1\r\n\r\n";
  const Decoded result = decode(text + "GET /");
  EXPECT_EQ(result.state, ParseState::kDone);
  EXPECT_EQ(result.body, "hello");
  EXPECT_EQ(result.consumed, text.size());
}

TEST(Chunked, ReadsSizesInAnyCaseWithAFewLeadingZeros) {
  EXPECT_EQ(decode("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n").body, "0123456789abcdefghij");
  EXPECT_EQ(decode("00005 ;x\r\nhello\r\n0\r\n\r\n").body, "hello");
}

TEST(Chunked, WaitsWhereverItIsCut) {
  const std::string text = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    EXPECT_EQ(decode(text.substr(0, cut)).state, ParseState::kNeedMore) << cut;
  }
}

TEST(Chunked, RefusesBadFraming) {
  for (const std::string& text : {"-5\r\nhello"s,
                                  "+5\r\nhello"s,
                                  "0x5\r\nhello"s,
                                  "\r\nhello"s,
                                  "G\r\nhello"s,
                                  "0_5\r\nhello"s,
                                  "10000000000000005\r\n"s,
                                  "fffffffffffffffff\r\n"s,
                                  "8000000000000000\r\n"s,
                                  " 5\r\nhello"s,
                                  "5 \r\nhello"s,
                                  "5\0\r\nhello"s,
                                  "5\r\nhelloX0\r\n\r\n"s,
                                  "5\r\nhello\n0\r\n"s,
                                  "5\nhello"s,
                                  "5\rhello"s,
                                  "5\r\r\nhello"s,
                                  "5;a\nhello"s,
                                  "5;\rxx\r\nhello"s,
                                  "5;a=\0\r\n"s,
                                  std::string(17, '0') + "5\r\n",
                                  "5;" + std::string(1024, 'a')}) {
    const Decoded result = decode(text);
    EXPECT_EQ(result.state, ParseState::kRefused) << testing::PrintToString(text.substr(0, 40));
    EXPECT_EQ(result.refusal, Refusal::kBadChunk) << testing::PrintToString(text.substr(0, 40));
  }
}

TEST(Chunked, RefusesBadTrailers) {
  for (const std::string& lines : {"bad trailer\r\n"s, ": v\r\n"s, " a: b\r\n"s, "a: b\n"s,
                                   "a: \x01\r\n"s, "a: b\rc"s, "\n"s}) {
    EXPECT_EQ(decode("0\r\n" + lines + "\r\n").refusal, Refusal::kBadTrailer) << lines;
  }
}

TEST(Chunked, BoundsTrailersOnBothSides) {
  std::string lines;
  for (std::size_t i = 0; i < kFieldsMax; ++i) lines += "a: b\r\n";
  EXPECT_EQ(decode("0\r\n" + lines + "\r\n").state, ParseState::kDone);
  EXPECT_EQ(decode("0\r\n" + lines + "a: b\r\n\r\n").refusal, Refusal::kTrailerTooLarge);
  const std::string room(16384 - 7, 'v');  // "a:" before, two line ends and the empty line after
  EXPECT_EQ(decode("0\r\na:" + room.substr(1) + "\r\n\r\n").state, ParseState::kDone);
  EXPECT_EQ(decode("0\r\na:" + room + "vv\r\n\r\n").refusal, Refusal::kTrailerTooLarge);
}

TEST(Chunked, HandsOutTrailersWhoeverCutsThem) {
  const std::string text = "1\r\nx\r\n0\r\nX-A: b \r\nContent-Length: 9\r\nX-C:\td\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, text.size()}) {
    ChunkedDecoder decoder;
    Trailers trailers;
    ASSERT_TRUE(trailers.add_line("Old: one"));
    decoder.keep_trailers(trailers);
    ChunkedDecoder::Step step;
    for (std::size_t at = 0; at < text.size(); at += step.consumed) {
      step = decoder.next(std::string_view(text).substr(at, piece));
    }

    EXPECT_EQ(step.state, ParseState::kDone);
    ASSERT_EQ(trailers.size(), 2U) << "the old one is gone, the forbidden one left out";
    EXPECT_EQ(trailers.find("x-a"), "b");
    EXPECT_EQ(trailers.find("x-c"), "d");
  }
}

TEST(Chunked, CountsTrailersAsAPartOfTheHead) {
  const HeadLimits limits{.head_bytes_max = 300, .fields_max = 5};
  struct Case {
    const char* trailers;
    std::size_t head_bytes;
    std::size_t fields;
    Refusal refusal;
  };
  for (const Case& c : {Case{"", 300, 5, Refusal::kNone}, Case{"a: b\r\n", 292, 4, Refusal::kNone},
                        Case{"a: b\r\n", 293, 4, Refusal::kTrailerTooLarge},
                        Case{"a: b\r\n", 292, 5, Refusal::kTrailerTooLarge}}) {
    ChunkedDecoder decoder;
    Trailers trailers;
    decoder.keep_trailers(trailers, trailer_limits(limits, c.head_bytes, c.fields));

    const auto step = decoder.next("0\r\n" + std::string(c.trailers) + "\r\n");

    EXPECT_EQ(decoder.refusal(), c.refusal) << c.head_bytes << ", " << c.fields;
    EXPECT_EQ(step.state == ParseState::kDone, c.refusal == Refusal::kNone);
  }
}

TEST(Chunked, NeverTakesMoreTrailersThanItsOwnLimits) {
  const TrailerLimits limits = trailer_limits({}, 100, 0);

  EXPECT_EQ(limits.bytes_max, 16384U);
  EXPECT_EQ(limits.lines_max, kFieldsMax);
}

// CVE-2023-39326: a byte of data in a kilobyte of extension, for ever.
TEST(Chunked, BoundsTheOverheadOfManyChunks) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "1;" + std::string(1000, 'a') + "\r\nx\r\n";
  EXPECT_EQ(decode(text).refusal, Refusal::kBadChunk);

  std::string fair;
  for (int i = 0; i < 300; ++i)
    fair += "40;" + std::string(90, 's') + "\r\n" + std::string(64, 'x') + "\r\n";
  EXPECT_EQ(decode(fair + "0\r\n\r\n").state, ParseState::kDone) << "signed chunks are fair use";
}

}  // namespace
}  // namespace fairlead::http::proto
