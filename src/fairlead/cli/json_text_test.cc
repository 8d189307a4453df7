#include "fairlead/cli/json_text.h"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

TEST(IsJson, TakesEveryKindOfValue) {
  for (const std::string_view text :
       {"null", "true", " false ", "0", "-0.5e+10", "1E5", "\"\"", R"("a\u00e9\n\"")", "[]", "{}",
        "[1, [2], {\"a\": null}]", "{\"a\":1,\"b\":{\"c\":[]}}", "\"\xC3\xA9\"", "\n{}\t"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(IsJson, RefusesWhatWouldBreakADocument) {
  for (const std::string_view text :
       {"",         " ",          "nul",   "truex",   "01",  "+1",      ".5",          "1.",
        "1e",       "-",          "NaN",   "'a'",     "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\",
        "\"\x01\"", "[1,]",       "[1 2]", "[",       "]",   "{",       "{\"a\"}",     "{\"a\":}",
        "{a:1}",    "{\"a\":1,}", "{} {}", "\"\xFF\""}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(IsJson, HoldsItsDepth) {
  EXPECT_TRUE(is_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(is_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

TEST(IsJson, RefusesEveryCutOfAnObject) {
  const std::string_view whole = R"({"a":[1,"b\n",true],"c":{"d":null}})";
  ASSERT_TRUE(is_json(whole));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(is_json(whole.substr(0, cut)));
}

TEST(JsonString, StaysJsonWhateverTheBytes) { EXPECT_TRUE(is_json(json_string("\xFF\x01 a"))); }

}  // namespace
}  // namespace fairlead::cli
