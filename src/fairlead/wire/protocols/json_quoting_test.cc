#include "fairlead/wire/protocols/json_quoting.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"

namespace fairlead::wire::internal {
namespace {

std::string unquoted(std::string_view text, Quoting quoting) {
  std::string out(text.size(), '\0');
  out.resize(unquote({text, quoting}, out.data()));
  return out;
}

TEST(Unquote, LeavesWhatIsNoEscape) {
  for (const std::string_view text :
       {"\\", "\\x", "\\xg0", "\\u12", "\\u12g4", "\\U0001f60", "a\\"}) {
    EXPECT_EQ(unquoted(text, Quoting::kJson), text) << text;
  }
}

TEST(Unquote, ReplacesCodePointsThatThereAreNot) {
  EXPECT_EQ(unquoted("\\udc00", Quoting::kJson), "\xEF\xBF\xBD");
  EXPECT_EQ(unquoted("\\ud800\\u0041", Quoting::kJson),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(unquoted("\\U00110000", Quoting::kJson), "\xEF\xBF\xBD");
  EXPECT_EQ(unquoted("\\U0010ffff", Quoting::kJson), "\xF4\x8F\xBF\xBF");
}

TEST(Unquote, KnowsOnlyQuotesWhereOnlyQuotesAreEscaped) {
  EXPECT_EQ(unquoted(R"(\"\\\n\\"\)", Quoting::kQuotesOnly), R"("\\\n\"\)");
}

TEST(EscapeTail, WritesWhatEveryJsonReaderReads) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string plain = "a" + std::string(1, static_cast<char>(byte)) + "z";
    std::string wanted;
    append_json_escaped(wanted, plain);
    Buffer out("\"before\"");
    out.append(plain);

    ASSERT_TRUE(escape_tail(out, 8, std::numeric_limits<std::size_t>::max()));

    EXPECT_EQ(out.view(), "\"before\"" + wanted);
    EXPECT_EQ(unquoted(wanted, Quoting::kJson), plain);
    EXPECT_TRUE(is_strict_json_text(wanted));
  }
}

TEST(EscapeTail, ChangesNothingBeyondItsLimit) {
  Buffer out("\"\n");
  EXPECT_FALSE(escape_tail(out, 0, 3));
  EXPECT_EQ(out.view(), "\"\n");
  EXPECT_TRUE(escape_tail(out, 0, 4));
  EXPECT_EQ(out.view(), "\\\"\\n");
}

TEST(EscapesOnlyQuotes, IsTrueWhenAllReadingsAreTheSame) {
  for (const std::string_view text : {"", "plain", R"(\"a\"\")"}) {
    EXPECT_TRUE(escapes_only_quotes(text)) << text;
  }
  for (const std::string_view text : {R"(\)", R"(\n)", R"(\\")", R"(\"\)", R"(\"\\\")"}) {
    EXPECT_FALSE(escapes_only_quotes(text)) << text;
  }
}

TEST(JsonStrings, AreSoundWhenClosedAndWithoutControlBytes) {
  const auto sound = [](std::string_view text) {
    return json_strings_are_sound({text, Quoting::kNone});
  };
  EXPECT_TRUE(sound(R"({"a":"b\"c\\","d":[1,"\u00e9"]})"));
  EXPECT_TRUE(sound("\n"));
  EXPECT_FALSE(sound("{\"a\":\"b\nc\"}"));
  EXPECT_FALSE(sound(R"({"a":"\d"})"));
  EXPECT_FALSE(sound(R"({"a":"b)"));
  EXPECT_FALSE(sound(R"({"a":"b\"})"));
  EXPECT_FALSE(sound("\"\\"));
}

}  // namespace
}  // namespace fairlead::wire::internal
