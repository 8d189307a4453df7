#include "fairlead/compress/zstd.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::compress {
namespace {

using namespace std::string_view_literals;

std::string zipped(std::string_view input, int level = kZstdLevelDefault) {
  Buffer output;
  EXPECT_TRUE(zstd(input, level, output).ok());
  return std::string(output.view());
}

std::string noise(std::size_t bytes) {
  Random random(3);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

Status unzipped(std::string_view input, std::string& out, const InflateLimits& limits = {}) {
  Buffer output("kept");
  Status status = unzstd(input, limits, output);
  out = output.view();
  return status;
}

TEST(Zstd, ComesBackAtEverySizeAndLevel) {
  for (const std::size_t size : {0U, 1U, 100U, 131071U, 131072U, 131073U, 300000U}) {
    for (const int level : {1, 3, 19}) {
      for (const std::string& input : {std::string(size, 'a'), noise(size)}) {
        std::string output;
        const Status status = unzipped(zipped(input, level), output);
        ASSERT_TRUE(status.ok()) << status << " size " << size;
        EXPECT_EQ(output, "kept" + input);
      }
    }
  }
}

// Frames laid out by hand from RFC 8878 3.1.1: a head of one segment with a size of one byte, then
// blocks. Each block head is 3 bytes little-endian: last (1 bit), type (2 bits), size (21 bits).
TEST(Unzstd, ReadsRawAndRepeatedBlocksByTheRfc) {
  std::string output;
  EXPECT_TRUE(unzipped("\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello"sv, output).ok());
  EXPECT_EQ(output, "kepthello");
  EXPECT_TRUE(unzipped("\x28\xb5\x2f\xfd\x20\x07\x10\x00\x00hi\x2b\x00\x00!"sv, output).ok());
  EXPECT_EQ(output, "kepthi!!!!!");
}

TEST(Unzstd, ReadsSeveralFramesAndSkipsSkippableOnes) {
  const std::string skippable("\x53\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  std::string output;
  ASSERT_TRUE(
      unzipped(skippable + zipped("one ") + zipped("") + skippable + zipped("two"), output).ok());
  EXPECT_EQ(output, "keptone two");
  EXPECT_EQ(unzipped(skippable, output).reason(), "compress.bad_data") << "no frame at all";
}

TEST(Unzstd, RefusesInputCutAtAnyByte) {
  const std::string whole = zipped("hello, hello, hello");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    std::string output;
    const Status status = unzipped(std::string_view(whole).substr(0, cut), output);
    ASSERT_EQ(status.code(), Code::kBadMessage) << "cut at byte " << cut;
    EXPECT_EQ(status.reason(), "compress.bad_data");
    EXPECT_EQ(output, "kept") << "nothing may be left of a failed try";
  }
}

TEST(Unzstd, NeverGivesOtherBytesForOneFlippedBit) {
  const std::string input = "hello, hello, hello";
  const std::string whole = zipped(input);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    std::string output;
    const Status status = unzipped(damaged, output);
    if (status.ok()) {
      EXPECT_EQ(output, "kept" + input) << "bit " << bit;
    } else {
      EXPECT_EQ(output, "kept");
    }
  }
}

TEST(Unzstd, RefusesGarbageBehindTheLastFrame) {
  std::string output;
  EXPECT_EQ(unzipped(zipped("x") + "garbage", output).reason(), "compress.bad_data");
  EXPECT_EQ(unzipped("garbage", output).reason(), "compress.bad_data");
  EXPECT_EQ(unzipped("", output).reason(), "compress.bad_data");
}

TEST(Unzstd, StopsAtTheOutputLimit) {
  const std::string whole = zipped(noise(100000));
  std::string output;
  InflateLimits limits;

  limits.bytes_max = 100000;
  EXPECT_TRUE(unzipped(whole, output, limits).ok());

  limits.bytes_max = 99999;
  const Status status = unzipped(whole, output, limits);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
}

// 64 blocks of 128 KiB of one byte each, 4 bytes on the wire a block: 1 : 30000.
std::string bomb() {
  std::string frame("\x28\xb5\x2f\xfd\xa0\x00\x00\x80\x00", 9);  // one segment, size 8 MiB
  for (int block = 1; block <= 64; ++block) {
    frame += block == 64 ? "\x03\x00\x10X"sv : "\x02\x00\x10X"sv;
  }
  return frame;
}

TEST(Unzstd, StopsABombByItsRatioWhileItInflates) {
  Buffer output;
  InflateLimits limits;
  limits.bytes_max = 64U << 20;

  const Status status = unzstd(bomb(), limits, output);

  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.bomb");
  EXPECT_TRUE(output.empty());
  EXPECT_LT(output.capacity(), 1U << 20) << "stopped while inflating, not after";

  limits.ratio_max = 100000;
  EXPECT_TRUE(unzstd(bomb(), limits, output).ok()) << "the frame itself is right";
  EXPECT_EQ(output.size(), 8U << 20);
}

TEST(Unzstd, RefusesAWindowThatWouldTakeMuchMemory) {
  // Window descriptor 0x70: 2^24; no size in the head; one raw block.
  std::string output;
  const Status status = unzipped("\x28\xb5\x2f\xfd\x00\x70\x29\x00\x00hello"sv, output);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
  EXPECT_TRUE(unzipped("\x28\xb5\x2f\xfd\x00\x68\x29\x00\x00hello"sv, output).ok()) << "2^23";
}

TEST(Zstd, IsNeverSoDenseThatTheDefaultLimitsRefuseIt) {
  for (const std::size_t size : {65536U, 65537U, 100000U, 1U << 20, 8U << 20}) {
    const std::string packed = zipped(std::string(size, '\0'));
    std::string output;
    const Status status = unzipped(packed, output);
    EXPECT_TRUE(status.ok()) << status << " size " << size;
    EXPECT_LE(packed.size(), size / 99);
  }
}

}  // namespace
}  // namespace fairlead::compress
