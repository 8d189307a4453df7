#include "fairlead/compress/limits.h"

#include <gtest/gtest.h>

namespace fairlead::compress {
namespace {

TEST(InflateLimits, TakesUpToAHundredTimesTheInput) {
  constexpr std::size_t kOut = 100'000;
  EXPECT_TRUE(InflateLimits().check(1001, kOut).ok());
  EXPECT_EQ(InflateLimits().check(1000, kOut).reason(), "compress.bomb");
  EXPECT_EQ(InflateLimits().check(1000, kOut).code(), Code::kTooLarge);
}

TEST(InflateLimits, JudgesNoRatioUpToOneBlock) {
  EXPECT_TRUE(InflateLimits().check(1, 64U << 10).ok());
  EXPECT_EQ(InflateLimits().check(1, (64U << 10) + 1).reason(), "compress.bomb");
}

TEST(InflateLimits, TakesOutputOfJustItsLimit) {
  const InflateLimits limits{.bytes_max = 10};
  EXPECT_TRUE(limits.check(10, 10).ok());
  EXPECT_EQ(limits.check(10, 11).reason(), "compress.too_big");
}

TEST(InflateLimits, NamesTheSmallestInputThatItTakes) {
  const InflateLimits limits;
  for (const std::size_t out : {0U, 1U, 64U << 10, (64U << 10) + 1, 65'600U, 1U << 20, 8U << 20}) {
    const std::size_t least = limits.input_bytes_min(out);
    EXPECT_TRUE(limits.check(least, out).ok()) << out;
    if (least == 0) continue;
    EXPECT_FALSE(limits.check(least - 1, out).ok()) << out;
  }
}

}  // namespace
}  // namespace fairlead::compress
