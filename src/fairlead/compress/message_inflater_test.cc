#include "fairlead/compress/message_inflater.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "fairlead/base/random.h"
#include "fairlead/compress/message_deflater.h"

namespace fairlead::compress {
namespace {

using namespace std::string_literals;

// The examples of RFC 7692 section 7.2.3, all of them "Hello".
const std::string kHello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;
const std::string kHelloAgain = "\xf2\x00\x11\x00\x00"s;
const std::string kHelloStored = "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s;
const std::string kHelloLastBlock = "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s;
const std::string kHelloTwoBlocks = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s;

struct Inflated {
  Status status;
  std::string text;
};
Inflated inflate_message(MessageInflater& inflater, std::string_view message, std::size_t piece) {
  Buffer output;
  for (; !message.empty(); message.remove_prefix(std::min(piece, message.size()))) {
    Status status = inflater.inflate(message.substr(0, piece), output);
    if (!status.ok()) return {std::move(status), std::string(output.view())};
  }
  Status status = inflater.end_message(output);
  return {std::move(status), std::string(output.view())};
}

Inflated inflate_one(std::string_view message, MessageInflaterOptions options = {}) {
  MessageInflater inflater(options);
  return inflate_message(inflater, message, 4096);
}

std::string deflated(std::string_view text) {
  Buffer output;
  EXPECT_TRUE(MessageDeflater({}).deflate(text, output).ok());
  return std::string(output.view());
}

TEST(MessageInflater, ReadsTheExamplesOfTheStandardHoweverTheyAreCut) {
  for (const std::string& message : {kHello, kHelloStored, kHelloLastBlock, kHelloTwoBlocks}) {
    for (const std::size_t piece : {1U, 2U, 3U, 64U}) {
      MessageInflater inflater({});
      const Inflated first = inflate_message(inflater, message, piece);
      ASSERT_TRUE(first.status.ok()) << first.status;
      EXPECT_EQ(first.text, "Hello");
      const Inflated second = inflate_message(inflater, kHelloAgain, piece);
      ASSERT_TRUE(second.status.ok()) << second.status;
      EXPECT_EQ(second.text, "Hello") << "the window goes on, also after a last block";
    }
  }
}

TEST(MessageInflater, ForgetsTheWindowWhenItIsNotKept) {
  MessageInflater inflater({.keep_window = false});
  EXPECT_EQ(inflate_message(inflater, kHello, 64).text, "Hello");
  EXPECT_EQ(inflate_message(inflater, kHello, 64).text, "Hello");
  EXPECT_EQ(inflate_message(inflater, kHelloAgain, 64).status.reason(), "compress.bad_data");
}

TEST(MessageInflater, ReadsEmptyMessages) {
  MessageInflater inflater({});
  for (int i = 0; i < 3; ++i) {
    const Inflated result = inflate_message(inflater, "\0"s, 1);
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.text, "");
  }
}

TEST(MessageInflater, RefusesAMessageCutAtAnyByte) {
  for (const std::string& message : {kHello, kHelloStored, kHelloLastBlock}) {
    for (std::size_t cut = 0; cut < message.size(); ++cut) {
      if (message.substr(0, cut) == "\0"s) continue;  // an empty message
      EXPECT_EQ(inflate_one(message.substr(0, cut)).status.reason(), "compress.bad_data") << cut;
    }
  }
}

// Deflate has no checksum, so other text may come out; what must hold are the limits and the
// errors.
TEST(MessageInflater, SurvivesEveryFlippedBit) {
  const std::string message = deflated("hello, hello, hello, and once more: hello");
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    std::string damaged = message;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));

    const Inflated result = inflate_one(damaged, {.limits = {.bytes_max = 100}});

    EXPECT_LE(result.text.size(), 101U);
    if (!result.status.ok()) {
      EXPECT_TRUE(result.status.reason() == "compress.bad_data" ||
                  result.status.reason() == "compress.too_big")
          << result.status;
    }
  }
}

// Bytes may be left to give when all input is taken and the room is full: at some size it ends
// there.
TEST(MessageInflater, GivesAllBytesWhereverTheRoomEnds) {
  for (std::size_t size = 6000; size < 12000; ++size) {
    const std::string text(size, 'a');
    const Inflated result = inflate_one(deflated(text));
    ASSERT_TRUE(result.status.ok()) << result.status << " size " << size;
    ASSERT_EQ(result.text, text);
  }
}

TEST(MessageInflater, StopsOneByteAboveTheLimit) {
  const std::string message = deflated(std::string(100'000, 'a'));
  const Inflated fits = inflate_one(message, {.limits = {.bytes_max = 100'000, .ratio_max = 2000}});
  EXPECT_TRUE(fits.status.ok()) << fits.status;
  EXPECT_EQ(fits.text.size(), 100'000U);

  const Inflated over = inflate_one(message, {.limits = {.bytes_max = 99'999, .ratio_max = 2000}});
  EXPECT_EQ(over.status.code(), Code::kTooLarge);
  EXPECT_EQ(over.status.reason(), "compress.too_big");
  EXPECT_EQ(over.text.size(), 100'000U);
}

TEST(MessageInflater, TakesARatioAboveTheLimitForABomb) {
  const std::string message = deflated(std::string(1'000'000, 'a'));
  InflateLimits limits{.ratio_max = 100, .ratio_free_bytes = 1000};
  const Inflated result = inflate_one(message, {.limits = limits});
  EXPECT_EQ(result.status.code(), Code::kTooLarge);
  EXPECT_EQ(result.status.reason(), "compress.bomb");
  EXPECT_LE(result.text.size(), 150'000U) << "found while it inflates";
}

TEST(MessageInflater, CountsTheLimitsForEachMessageAnew) {
  const std::string message = deflated(std::string(1000, 'a'));
  MessageInflater inflater({.keep_window = false, .limits = {.bytes_max = 1000}});
  for (int i = 0; i < 3; ++i) {
    const Inflated result = inflate_message(inflater, message, 1);
    EXPECT_TRUE(result.status.ok()) << result.status;
  }
}

TEST(MessageInflater, RefusesADistanceBeyondItsWindow) {
  Random random(9);
  std::string text(600, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  MessageDeflater deflater({});
  Buffer first;
  ASSERT_TRUE(deflater.deflate(text, first).ok());
  Buffer second;
  ASSERT_TRUE(deflater.deflate(text.substr(0, 100), second).ok());
  ASSERT_LT(second.size(), 20U) << "it refers to the first message";

  MessageInflater wide({.window_bits = 10});
  MessageInflater narrow({.window_bits = 8});
  EXPECT_EQ(inflate_message(wide, first.view(), 4096).text, text);
  EXPECT_EQ(inflate_message(narrow, first.view(), 4096).text, text);
  EXPECT_EQ(inflate_message(wide, second.view(), 4096).text, text.substr(0, 100));
  EXPECT_EQ(inflate_message(narrow, second.view(), 4096).status.reason(), "compress.bad_data");
}

}  // namespace
}  // namespace fairlead::compress
