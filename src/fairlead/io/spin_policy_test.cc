#include "fairlead/io/spin_policy.h"

#include <gtest/gtest.h>

namespace fairlead::io::internal {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{1h};

SpinPolicy after_short_sleeps(int count) {
  SpinPolicy policy(50us);
  for (int i = 0; i < count; ++i) policy.slept(20us);
  return policy;
}

TEST(SpinPolicy, IsOffWithoutALimit) { EXPECT_FALSE(SpinPolicy(Duration::zero()).enabled()); }

TEST(SpinPolicy, LooksOnlyAfterSeveralShortSleepsInARow) {
  EXPECT_FALSE(after_short_sleeps(SpinPolicy::kShortSleepsMin - 1).wanted(kNow));
  SpinPolicy policy = after_short_sleeps(SpinPolicy::kShortSleepsMin);
  EXPECT_TRUE(policy.wanted(kNow));

  policy.slept(50us);  // as long as the limit is not short

  EXPECT_FALSE(policy.wanted(kNow));
}

TEST(SpinPolicy, StopsWhenNothingCame) {
  SpinPolicy policy = after_short_sleeps(10);

  policy.missed();

  EXPECT_FALSE(policy.wanted(kNow));
}

TEST(SpinPolicy, RestsLongerEachTimeThatSomebodyElseNeedsTheCpu) {
  SpinPolicy policy = after_short_sleeps(10);
  EXPECT_FALSE(policy.disturbed(SpinPolicy::kLookMax, kNow));
  EXPECT_TRUE(policy.disturbed(SpinPolicy::kLookMax + 1ns, kNow));
  for (int i = 0; i < 10; ++i) policy.slept(20us);
  EXPECT_FALSE(policy.wanted(kNow + SpinPolicy::kRestMin - 1ns));
  EXPECT_TRUE(policy.wanted(kNow + SpinPolicy::kRestMin));

  EXPECT_TRUE(policy.disturbed(1ms, kNow));
  for (int i = 0; i < 10; ++i) policy.slept(20us);

  EXPECT_FALSE(policy.wanted(kNow + 2 * SpinPolicy::kRestMin - 1ns));
  EXPECT_TRUE(policy.wanted(kNow + 2 * SpinPolicy::kRestMin));
}

TEST(SpinPolicy, RestsShortlyAgainAfterALookThatWasWorthIt) {
  SpinPolicy policy = after_short_sleeps(10);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(policy.disturbed(1ms, kNow));
  policy.found();

  EXPECT_TRUE(policy.disturbed(1ms, kNow));
  for (int i = 0; i < 10; ++i) policy.slept(20us);

  EXPECT_TRUE(policy.wanted(kNow + SpinPolicy::kRestMin));
}

}  // namespace
}  // namespace fairlead::io::internal
