#include "fairlead/base/json_object.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace fairlead {
namespace {

TEST(JsonObject, WritesMembersInOrder) {
  JsonObject object;
  object.boolean("ok", false)
      .number("exit_code", 3)
      .text("message", "a \"b\"\n")
      .raw("list", "[1]");

  EXPECT_EQ(object.str(), R"({"ok":false,"exit_code":3,"message":"a \"b\"\n","list":[1]})");
  EXPECT_EQ(JsonObject().str(), "{}");
}

TEST(JsonObject, WritesNumbersOfEveryWidth) {
  JsonObject object;
  object.number("least", std::numeric_limits<std::int64_t>::min())
      .number("most", std::numeric_limits<std::uint64_t>::max())
      .number("small", std::uint8_t{7});

  EXPECT_EQ(object.str(),
            R"({"least":-9223372036854775808,"most":18446744073709551615,"small":7})");
}

TEST(JsonObject, WritesListsOfObjects) {
  const auto fill = [](int item, JsonObject& one) {
    if (item != 0) one.number("item", item).list("none", std::vector<int>(), [](int, auto&) {});
  };
  JsonObject object;
  object.list("empty", std::vector<int>(), fill).list("items", std::vector<int>{1, 0, 2}, fill);

  EXPECT_EQ(object.str(), R"({"empty":[],"items":[{"item":1,"none":[]},{},{"item":2,"none":[]}]})");
}

TEST(JsonObject, StaysJsonWhateverTheBytes) {
  EXPECT_EQ(JsonObject().text("a", "\xFF\x01 b").str(), R"({"a":"\\xFF\\x01 b"})");
}

}  // namespace
}  // namespace fairlead
