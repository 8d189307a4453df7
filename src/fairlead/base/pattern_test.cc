#include "fairlead/base/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead {
namespace {

TEST(Pattern, MatchesTheWholeTextOnly) {
  const auto pattern = Pattern::compile("[a-z]+");

  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE(pattern->full_match("abc"));
  EXPECT_FALSE(pattern->full_match("abc1"));
  EXPECT_FALSE(pattern->full_match(""));
}

TEST(Pattern, RefusesWhatIsNotAPattern) {
  for (const char* text : {"(", "[z-a]", "a{1001}", "\\", "(?P<n", "(?=x)"}) {
    const auto pattern = Pattern::compile(text);
    EXPECT_EQ(pattern.status().code(), Code::kBadMessage) << text;
    EXPECT_EQ(pattern.status().reason(), "pattern.syntax") << text;
  }
}

TEST(Pattern, RefusesAPatternThatNeedsTooMuchMemory) {
  EXPECT_EQ(Pattern::compile("((a{100}){100}){100}").status().reason(), "pattern.syntax");
}

TEST(Pattern, StaysLinearOnThePatternsThatBlowUpOthers) {
  const auto pattern = Pattern::compile("(a+)+b");

  ASSERT_TRUE(pattern.ok());
  EXPECT_FALSE(pattern->full_match(std::string(100'000, 'a')));
}

}  // namespace
}  // namespace fairlead
