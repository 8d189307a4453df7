#include "fairlead/http/fields.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

TEST(Fields, KeepOrderAndRepeatedNames) {
  Fields fields;
  fields.add("Set-Cookie", "a");
  fields.add("X", "");
  fields.add("set-cookie", "b");

  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[2].name, "set-cookie");
  EXPECT_EQ(fields[2].value, "b");
  EXPECT_EQ(fields.find("SET-COOKIE"), "a");
  EXPECT_EQ(fields.find("x"), "");
  EXPECT_EQ(fields.find("y"), std::nullopt);
  EXPECT_EQ(fields.value_or("y", "none"), "none");
}

TEST(Fields, SetReplacesEveryFieldOfTheName) {
  Fields fields;
  fields.add("A", "1");
  fields.add("B", "2");
  fields.add("a", "3");

  fields.set("A", "4");

  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].name, "B");
  EXPECT_EQ(fields.find("a"), "4");
  fields.remove("A");
  fields.remove("nothing");
  EXPECT_EQ(fields.size(), 1U);
}

}  // namespace
}  // namespace fairlead::http
