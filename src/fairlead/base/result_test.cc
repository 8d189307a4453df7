#include "fairlead/base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Status(Code::kBadMessage, "number.odd", "an odd number has no half");
  return number / 2;
}

Result<int> quarter(int number) {
  FL_TRY_ASSIGN(const int once, half(number));
  FL_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Status check_even(int number) {
  FL_TRY(half(number));
  return {};
}

TEST(Result, PassesErrorsOnThroughTheMacros) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).status().reason(), "number.odd");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(1).code(), Code::kBadMessage);
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<std::string>> result = std::make_unique<std::string>("text");
  Result<std::unique_ptr<std::string>> moved = std::move(result);
  EXPECT_EQ(**moved, "text");

  moved = Status(Code::kInternal, "test.error", "gone");
  EXPECT_FALSE(moved.ok());
}

TEST(Result, GivesTheFallbackOnlyForAnError) {
  EXPECT_EQ(half(4).value_or(-1), 2);
  EXPECT_EQ(half(3).value_or(-1), -1);
}

TEST(ResultDeathTest, EndsTheProcessWhenAnErrorIsReadAsAValue) {
  EXPECT_DEATH((void)half(3).value(), "check failed");
}

}  // namespace
}  // namespace fairlead
