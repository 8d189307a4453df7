#include "fairlead/compress/gzip.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::compress {
namespace {

std::string zipped(std::string_view input, int level = kGzipLevelDefault) {
  Buffer output;
  EXPECT_TRUE(gzip(input, level, output).ok());
  return std::string(output.view());
}

std::string noise(std::size_t bytes) {
  Random random(3);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

TEST(Gzip, ComesBackAtEverySizeAndLevel) {
  for (const std::size_t size : {0U, 1U, 100U, 65535U, 65536U, 65537U, 300000U}) {
    for (const int level : {1, 5, 9}) {
      for (const std::string& input : {std::string(size, 'a'), noise(size)}) {
        Buffer output("before");
        const Status status = gunzip(zipped(input, level), {}, output);
        ASSERT_TRUE(status.ok()) << status << " size " << size;
        EXPECT_EQ(output.view(), "before" + input);
      }
    }
  }
}

TEST(Gzip, WritesAHeaderWithoutTimeAndSystem) {
  EXPECT_EQ(zipped("x").substr(0, 10), std::string_view("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST(Gunzip, ReadsSeveralMembersInARow) {
  Buffer output;
  ASSERT_TRUE(gunzip(zipped("one ") + zipped("") + zipped("two"), {}, output).ok());
  EXPECT_EQ(output.view(), "one two");
}

TEST(Gunzip, RefusesInputCutAtAnyByte) {
  const std::string whole = zipped("hello, hello, hello");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Buffer output("kept");
    const Status status = gunzip(std::string_view(whole).substr(0, cut), {}, output);
    ASSERT_EQ(status.code(), Code::kBadMessage) << "cut at byte " << cut;
    EXPECT_EQ(status.reason(), "compress.bad_data");
    EXPECT_EQ(output.view(), "kept") << "nothing may be left of a failed try";
  }
}

TEST(Gunzip, NeverGivesOtherBytesForOneFlippedBit) {
  const std::string input = "hello, hello, hello";
  const std::string whole = zipped(input);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    Buffer output;
    const Status status = gunzip(damaged, {}, output);
    // Flips of time, extra flags and system change nothing that anyone reads.
    if (status.ok()) {
      EXPECT_EQ(output.view(), input) << "bit " << bit;
    }
  }
}

TEST(Gunzip, RefusesGarbageBehindTheLastMember) {
  Buffer output;
  EXPECT_EQ(gunzip(zipped("x") + "garbage", {}, output).reason(), "compress.bad_data");
  EXPECT_EQ(gunzip("garbage", {}, output).reason(), "compress.bad_data");
  EXPECT_TRUE(output.empty());
}

// Some peers flush a stream and never end it.
TEST(Gunzip, TakesWhatACutStreamGivesWhenAsked) {
  const std::string input = noise(1000);
  const std::string whole = zipped(input);
  InflateLimits limits;
  limits.may_be_cut = true;

  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Buffer output;
    ASSERT_TRUE(gunzip(std::string_view(whole).substr(0, cut), limits, output).ok()) << cut;
    EXPECT_TRUE(input.starts_with(output.view())) << cut;
    EXPECT_EQ(output.size() == input.size(), cut + 8 >= whole.size()) << cut;
  }

  Buffer output;
  std::string damaged = whole;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(gunzip(damaged, limits, output).reason(), "compress.bad_data") << "ended, but wrongly";
}

TEST(Gunzip, StopsAtTheOutputLimit) {
  const std::string whole = zipped(noise(100000));
  Buffer output;
  InflateLimits limits;

  limits.bytes_max = 100000;
  EXPECT_TRUE(gunzip(whole, limits, output).ok());

  limits.bytes_max = 99999;
  const Status status = gunzip(whole, limits, output);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
}

TEST(Gunzip, StopsABombByItsRatioBeforeItsSize) {
  const std::string member = zipped(std::string(64U << 10, '\0'), 9);
  std::string bomb;
  for (int i = 0; i < 7 * 16; ++i) bomb += member;
  ASSERT_GT((7U << 20) / bomb.size(), 500U);
  Buffer output;

  const Status status = gunzip(bomb, {}, output);

  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.bomb");
  EXPECT_LT(output.capacity(), 7U << 20) << "stopped while inflating, not after";
}

// So that one of us takes what one of us makes, however well it packs.
TEST(Gzip, MakesARunOfOneByteLongEnoughForItsReader) {
  for (const std::size_t size : {(64U << 10) + 1, 100'000U, 1U << 20, 8U << 20}) {
    for (const int level : {1, kGzipLevelDefault, 9}) {
      const std::string run(size, 'r');
      const std::string packed = zipped(run, level);
      EXPECT_GT(packed.size(), size / 100) << size;
      EXPECT_LT(packed.size(), size / 100 + 100) << size;

      Buffer output;
      const Status status = gunzip(packed, {}, output);
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(output.view(), run) << size;
    }
  }
}

TEST(Gzip, LeavesWhatIsSmallAsItIs) { EXPECT_LT(zipped(std::string(64U << 10, 'r')).size(), 400U); }

TEST(Gunzip, LetsSmallOutputsHaveAnyRatio) {
  Buffer output;
  InflateLimits limits;
  limits.ratio_max = 2;
  EXPECT_TRUE(gunzip(zipped(std::string(64U << 10, 'a')), limits, output).ok());
}

}  // namespace
}  // namespace fairlead::compress
