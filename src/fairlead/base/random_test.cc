#include "fairlead/base/random.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Random, RepeatsItselfFromTheSameSeed) {
  Random a(7);
  Random b(7);
  Random c(8);
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Random, StaysBelowItsBoundAndReachesEveryValue) {
  Random random(1);
  std::array<int, 3> seen{};
  for (int i = 0; i < 300; ++i) ++seen.at(random.below(3));
  for (const int count : seen) EXPECT_GT(count, 50);
  EXPECT_LT(random.unit(), 1.0);
}

}  // namespace
}  // namespace fairlead
