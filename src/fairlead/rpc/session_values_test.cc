#include "fairlead/rpc/session_values.h"

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

TEST(SessionValues, RemembersTheLastValueOfAKey) {
  SessionValues values;

  EXPECT_TRUE(values.set("user", "ann").ok());
  EXPECT_TRUE(values.set("user", "bob").ok());
  EXPECT_EQ(values.get("user"), "bob");
  EXPECT_EQ(values.get("User"), std::nullopt);
  values.remove("user");
  values.remove("user");
  EXPECT_EQ(values.get("user"), std::nullopt);
}

TEST(SessionValues, HoldsItsLimit) {
  SessionValues values;
  for (std::size_t i = 0; i < SessionValues::kValuesMax; ++i) {
    ASSERT_TRUE(values.set(std::to_string(i), "x").ok());
  }
  const Status one_more = values.set("one more", "x");

  EXPECT_EQ(one_more.code(), Code::kLocalLimit);
  EXPECT_EQ(one_more.reason(), "session.values");
  EXPECT_TRUE(values.set("7", "y").ok());
}

}  // namespace
}  // namespace fairlead::rpc
