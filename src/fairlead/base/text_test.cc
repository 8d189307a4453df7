#include "fairlead/base/text.h"

#include <array>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

TEST(Text, ReadsWholeNumbersOnly) {
  EXPECT_EQ(parse_int64("-7"), -7);
  for (const char* bad : {"", " 1", "1 ", "1x", "0x10", "9223372036854775808", "+1"}) {
    EXPECT_EQ(parse_int64(bad), std::nullopt) << bad;
  }
}

TEST(Text, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0"), 0s);
  for (const char* bad : {"5", "5x", "-1s", "", "ms", "1e9h", "99999999999h", "1.2.3s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Text, ReadsSizesWithoutOverflow) {
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("2MB"), 2'000'000U);
  EXPECT_EQ(parse_size("3TiB"), std::uint64_t{3} << 40U);
  EXPECT_EQ(parse_size("1PiB"), std::uint64_t{1} << 50U);
  EXPECT_EQ(parse_size("2TB"), 2'000'000'000'000U);
  EXPECT_EQ(parse_size("2PB"), 2'000'000'000'000'000U);
  for (const char* bad :
       {"", "10mb", "10Q", "-1", "99999999999999999999", "18446744073709551615KiB", "16384PiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(Text, SuggestsTheNearestNameForATypo) {
  constexpr std::array<std::string_view, 3> kNames = {"listen", "routes", "store"};
  EXPECT_EQ(nearest_name("listn", kNames), "listen");
  EXPECT_EQ(nearest_name("route", kNames), "routes");
  EXPECT_EQ(nearest_name("stroe", kNames), "store") << "a swap is one mistake";
  EXPECT_EQ(nearest_name("zebra", kNames), "");
}

TEST(Text, ShowsControlBytesEscaped) {
  EXPECT_EQ(escape_text("a\x1b[31m\n"), "a\\x1B[31m\\n");
  EXPECT_EQ(escape_text("abcdef", 3), "abc...");
  EXPECT_EQ(escape_text("\xC3\xA4", 200), "\xC3\xA4");
  EXPECT_EQ(escape_text("\xC3\xA4\xC3\xA4", 3), "\xC3\xA4...") << "no half character";
  EXPECT_EQ(escape_text("\xC3 \xFF", 200), "\\xC3 \\xFF");
}

TEST(Text, KnowsWellFormedUtf8) {
  EXPECT_TRUE(is_utf8("plain, \xC3\xA4, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC3", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE0\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Text, ComparesLettersAloneIgnoringCase) {
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_TRUE(equals_ignoring_case("Host", "hOST"));
  EXPECT_FALSE(equals_ignoring_case("host", "hosts"));
  EXPECT_FALSE(equals_ignoring_case("@a", "`a")) << "bit 5 is case for letters only";
  EXPECT_FALSE(equals_ignoring_case("[a", "{a"));
  EXPECT_FALSE(equals_ignoring_case("ab", "ac"));
}

TEST(Text, PercentCodesEveryByteAndBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string encoded;
  append_percent_encoded(encoded, all);

  EXPECT_EQ(percent_decode(encoded, true), all);
  EXPECT_EQ(percent_decode("a%2Gb%", true), "a%2Gb%");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
}

TEST(Text, EscapesTheSameBytesWhereverTheyStand) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, 'z');
        text[at] = static_cast<char>(c);
        std::string alone;
        append_percent_encoded(alone, text.substr(at, 1));
        std::string whole;
        append_percent_encoded(whole, text);
        ASSERT_EQ(whole, std::string(at, 'z') + alone + std::string(size - at - 1, 'z')) << c;
      }
    }
  }
}

TEST(Text, KnowsBeginningsIgnoringCase) {
  EXPECT_TRUE(starts_with_ignoring_case("Content-Type", "content-"));
  EXPECT_TRUE(starts_with_ignoring_case("a", ""));
  EXPECT_FALSE(starts_with_ignoring_case("conten", "content-"));
  EXPECT_FALSE(starts_with_ignoring_case("Kontent-Type", "content-"));
}

TEST(Text, EscapesJsonStrings) {
  std::string out;
  append_json_escaped(out, "a\"\\\n\x01");
  EXPECT_EQ(out, R"(a\"\\\n\u0001)");
}

TEST(Text, WritesJsonStringsWhateverTheBytes) {
  std::string out;
  append_json_string(out, "\xC3\xA4\n");
  append_json_string(out, "\xFF\n");
  EXPECT_EQ(out, "\"\xC3\xA4\\n\"\"\\\\xFF\\\\n\"");
}

TEST(Text, WritesDurationsInTheLargestExactUnit) {
  EXPECT_EQ(to_text(1500ms), "1500ms");
  EXPECT_EQ(to_text(2s), "2s");
  EXPECT_EQ(to_text(Duration(1)), "1ns");
}

}  // namespace
}  // namespace fairlead
