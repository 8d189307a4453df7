#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "fairlead/base/random.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;

template <class T>
Result<T> read(std::string_view text, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kJson, Bytes::borrow(text), options);
}
template <class T>
std::string write(const T& value) {
  return encoded(CodecId::kJson, value);
}
template <class T>
std::string refusal(std::string_view text) {
  const Result<T> result = read<T>(text);
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.status().code(), Code::kBadMessage);
  EXPECT_EQ(result.status().reason(), "codec.json");
  return std::string(result.status().message());
}

TEST(Json, RoundTripsEveryKind) {
  const Result<Everything> back = read<Everything>(write(full()));

  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
  EXPECT_EQ(*read<Everything>(write(Everything{})), Everything{});
}

TEST(Json, WritesTheNamesInOrderWithoutBlanks) {
  EXPECT_EQ(write(Inner{.name = "a", .count = -1, .numbers = {1, 2}}),
            R"({"name":"a","count":-1,"numbers":[1,2]})");
  EXPECT_EQ(write(Nothing{}), "{}");
  EXPECT_EQ(write(std::map<std::string, Inner>{}), "{}");
  EXPECT_EQ(write(std::vector<Inner>{}), "[]");
  EXPECT_EQ(write(std::optional<int>{}), "null");
  Buffer out;
  EXPECT_TRUE(encode(CodecId::kJson, contract::type_info<void>(), nullptr, out).ok());
  EXPECT_EQ(out.view(), "null");
}

TEST(Json, WritesNumbersAsJavaScriptDoes) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {-0.0, "-0.0"},
      {1, "1"},
      {0.1, "0.1"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1e-6, "0.000001"},
      {1e-7, "1e-07"},
      {-1.5, "-1.5"},
      {std::nan(""), "\"NaN\""},
      {-std::numeric_limits<double>::infinity(), "\"-Infinity\""}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(write(value), text);
    if (!std::isnan(value)) {
      EXPECT_EQ(*read<double>(text), value);
    }
  }
  EXPECT_TRUE(std::signbit(*read<double>("-0.0")));
  EXPECT_EQ(write(0.1F), "0.1");
}

// The fast way for few digits must give what the general one gives.
TEST(Json, WritesDecimalsAsShortAsTheyReadBack) {
  Random random(7);
  for (int round = 0; round < 100'000; ++round) {
    const auto whole = static_cast<double>(random.below(std::uint64_t{1} << random.below(50)));
    const double scale = std::pow(10.0, static_cast<double>(random.below(7)));
    const double value = (round % 2 == 0 ? 1 : -1) * whole / scale;
    if (value == 0 || std::fabs(value) < 1e-6) continue;
    std::array<char, 64> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::fixed);
    ASSERT_EQ(write(value), std::string(digits.data(), end.ptr));
  }
}

TEST(Json, EscapesTexts) {
  EXPECT_EQ(write(std::string("\"\\\n\r\t\x01/\x7F<>&\xE2\x80\xA8\xE2\x80\xA9\xE2\x82\xAC")),
            "\"\\\"\\\\\\n\\r\\t\\u0001/\x7F\\u003c\\u003e\\u0026\\u2028\\u2029\xE2\x82\xAC\"");
  EXPECT_EQ(write(std::string("a\0b", 3)), "\"a\\u0000b\"");
}

TEST(Json, RefusesToWriteTextThatIsNotUtf8) {
  Buffer out("before");
  const Inner bad{.name = "abcdefghij\xFF"};
  const Status status = encode(CodecId::kJson, std::vector<Inner>{{}, bad}, out);

  EXPECT_EQ(status.code(), Code::kEncodeFailed);
  EXPECT_EQ(status.reason(), "codec.json");
  EXPECT_EQ(status.message(), "[1].name: the text is not UTF-8");
  EXPECT_EQ(out.view(), "before") << "nothing of the failed body may stay";
}

TEST(Json, AcceptsIntegersInTheFormsThatAreExact) {
  EXPECT_EQ(*read<std::int32_t>("1e2"), 100);
  EXPECT_EQ(*read<std::int32_t>("3.0"), 3);
  EXPECT_EQ(*read<std::int32_t>("\"-7\""), -7);
  EXPECT_EQ(*read<std::int64_t>("\"9007199254740993\""), 9007199254740993);
  EXPECT_EQ(*read<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(*read<std::uint32_t>("-0"), 0U);
  EXPECT_EQ(*read<std::int64_t>("-9223372036854775808"), INT64_MIN);
}

TEST(Json, RefusesIntegersThatAreNotExactOrDoNotFit) {
  EXPECT_EQ(refusal<std::int32_t>("1.5"), "the body: wanted int32, got 1.5");
  for (const char* text : {"2147483648", "-2147483649", "1e10", "\"1e2\"", "\"\"", "\" 1\"", "true",
                           "\"NaN\"", "[1]", "{}", "null"}) {
    EXPECT_NE(refusal<std::int32_t>(text), "accepted") << text;
  }
  EXPECT_NE(refusal<std::uint64_t>("-1"), "accepted");
  EXPECT_NE(refusal<std::uint64_t>("18446744073709551616"), "accepted");
  EXPECT_NE(refusal<std::int64_t>("9007199254740994.0"), "accepted");
}

TEST(Json, AcceptsTheThreeNamesOfFloatingPointAndNoOtherText) {
  EXPECT_TRUE(std::isnan(*read<double>("\"NaN\"")));
  EXPECT_EQ(*read<float>("\"-Infinity\""), -std::numeric_limits<float>::infinity());
  for (const char* text : {"\"1.5\"", "\"nan\"", "\"inf\"", "1e400", "NaN", "Infinity"}) {
    EXPECT_NE(refusal<double>(text), "accepted") << text;
  }
  EXPECT_NE(refusal<float>("1e39"), "accepted");
}

TEST(Json, ReadsNullAsAbsent) {
  const auto inner = read<Inner>(R"({"name":null,"count":null,"numbers":null})");
  const auto all = read<Everything>(R"({"maybe_i32":null,"maybe_inner":null})");

  EXPECT_EQ(*inner, Inner{});
  EXPECT_EQ(*all, Everything{});
  EXPECT_EQ(*read<Inner>("null"), Inner{});
  EXPECT_EQ(refusal<Inner>(R"({"numbers":[1,null]})"), "numbers[1]: wanted int32, got null");
}

TEST(Json, NamesTheFieldAndWhatWasWantedAndGot) {
  EXPECT_EQ(refusal<Everything>(R"({"inners":[{},{"name":3}]})"),
            "inners[1].name: wanted string, got 3");
  EXPECT_EQ(refusal<Everything>(R"({"by_number":{"-1":{"count":"x"}}})"),
            "by_number[\"-1\"].count: wanted int32, got the text \"x\"");
  EXPECT_EQ(refusal<Everything>(R"({"inner":[]})"), "inner: wanted an object, got an array");
  EXPECT_EQ(refusal<Everything>(R"({"i32s":{}})"), "i32s: wanted an array, got an object");
  EXPECT_EQ(refusal<Everything>(R"({"flag":1})"), "flag: wanted bool, got 1");
  EXPECT_EQ(refusal<Everything>(R"({"color":"pink"})"),
            "color: wanted a value of Color, got the text \"pink\"");
  EXPECT_EQ(refusal<Everything>(R"({"by_number":{"a":{}}})"),
            "by_number[\"a\"]: wanted a key of type int32");
  EXPECT_EQ(refusal<Everything>(R"({"bytes":"*"})"), "bytes: wanted base64, got the text \"*\"");
}

TEST(Json, ReadsEnumsByNameAndNumber) {
  EXPECT_EQ(*read<Color>("\"blue\""), Color::kBlue);
  EXPECT_EQ(*read<Color>("7"), Color::kBlue);
  EXPECT_EQ(*read<Color>("50"), static_cast<Color>(50));
  EXPECT_EQ(write(static_cast<Color>(50)), "50");
  EXPECT_NE(refusal<Small>("256"), "accepted");
  EXPECT_NE(refusal<Color>("4294967296"), "accepted");
}

TEST(Json, ReadsBothAlphabetsOfBase64) {
  EXPECT_EQ(read<Everything>(R"({"bytes":"-_-_"})")->bytes.view(), "\xFB\xFF\xBF");
  EXPECT_EQ(read<Everything>(R"({"bytes":"+/+/"})")->bytes.view(), "\xFB\xFF\xBF");
}

TEST(Json, RefusesAFieldOrKeyThatIsGivenTwice) {
  EXPECT_EQ(refusal<Inner>(R"({"count":1,"count":1})"), "count: the field is given twice");
  EXPECT_EQ(refusal<Everything>(R"({"by_text":{"a":1,"a":1}})"),
            "by_text[\"a\"]: the key is given twice");
}

TEST(Json, IgnoresUnknownFieldsUnlessTold) {
  const std::string_view text = R"({"counts":[{"x":[]}],"name":"n"})";
  EXPECT_EQ(read<Inner>(text)->name, "n");

  const auto strict = read<Inner>(text, {.unknown_fields = DecodeOptions::Unknown::kRefuse});
  EXPECT_EQ(strict.status().code(), Code::kBadMessage);
  EXPECT_EQ(strict.status().reason(), "codec.unknown_field");
  EXPECT_EQ(strict.status().message(), "counts: unknown field of Inner; did you mean \"count\"?");
}

TEST(Json, ReadsAVoidBodyFromNothingNullOrAnObject) {
  for (const char* text : {"", "null", "{}", R"({"a":1})"})
    EXPECT_TRUE(read<void>(text).ok()) << text;
  for (const char* text : {"1", "[]", "x"}) EXPECT_FALSE(read<void>(text).ok()) << text;
}

TEST(Json, SaysWhereTheSyntaxIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the body: wanted JSON, got an empty body"},
      {"{\n \"name\": }", "the body: line 2, column 10 (byte 11): wanted a value"},
      {"{\"count\":1,}", "the body: line 1, column 12 (byte 11): wanted a name in quotes"},
      {"{\"count\":01}",
       "the body: line 1, column 11 (byte 10): wanted a number without leading zeros"},
      {"{} {}", "the body: line 1, column 4 (byte 3): wanted nothing after the document"},
      {"{\"name\":\"a",
       "the body: line 1, column 11 (byte 10): wanted the closing quote of a text"},
      {"\xEF\xBB\xBF{}",
       "the body: line 1, column 1 (byte 0): wanted JSON without a byte order mark"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refusal<Inner>(text), message);
}

TEST(Json, TakesIntegersBeyond64BitsForFloatingPointOnly) {
  const auto value =
      read<Everything>(R"({"text":"-99999999999999999999\"","u64":18446744073709551615,)"
                       R"("reals":[-99999999999999999999]})");

  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->reals[0], -1e20);
  EXPECT_EQ(value->u64, UINT64_MAX);
  EXPECT_EQ(value->text, "-99999999999999999999\"");
  EXPECT_NE(refusal<std::uint64_t>("18446744073709551616"), "accepted");
  EXPECT_NE(refusal<double>(std::string(400, '1')), "accepted");
  EXPECT_NE(refusal<double>("099999999999999999999"), "accepted");
}

// Depth counts arrays and objects that hold something, known or not.
TEST(Json, HoldsTheLimitOfNesting) {
  const auto arrays = [](std::size_t depth) {
    return R"({"unknown":)" + std::string(depth - 1, '[') + "1" + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(read<Inner>(arrays(64)).ok());
  EXPECT_EQ(read<Inner>(arrays(65)).status().reason(), "codec.depth");
  EXPECT_EQ(read<Inner>(std::string(100'000, '[')).status().code(), Code::kBadMessage);
  EXPECT_TRUE(read<Tree>(write(nested(32))).ok());
  Buffer out;
  EXPECT_EQ(encode(CodecId::kJson, nested(33), out).reason(), "codec.depth");
}

TEST(Json, HoldsTheLimitOfMemory) {
  std::string text = "{\"inners\":[{}";
  for (int i = 1; i < 1000; ++i) text += ",{}";
  text += "]}";
  EXPECT_TRUE(read<Everything>(text).ok());

  const auto tight = read<Everything>(text, {.memory_bytes_max = 1000 * sizeof(Inner) - 1});
  EXPECT_EQ(tight.status().code(), Code::kTooLarge);
  EXPECT_EQ(tight.status().reason(), "codec.memory");
}

TEST(Json, ReadsBodiesLargerThanTheKeptParser) {
  const Inner large{.name = std::string(300'000, 'x')};

  EXPECT_EQ(read<Inner>(write(large))->name, large.name);
  EXPECT_EQ(read<Inner>(write(Inner{.count = 1}))->count, 1);
}

// Texts that every JSON parser must take or refuse (RFC 8259), read as a value of the right type.
TEST(Json, TakesWhatIsJson) {
  for (const char* text : {"0", "-0", "123", "-1.5", "1e10", "1E+2", "1.5e-7", "0.1"}) {
    EXPECT_TRUE(read<double>(text).ok()) << text;
  }
  EXPECT_EQ(*read<std::string>(R"("\u00e9\n\t\"\\\/\b\f\r")"), "\xC3\xA9\n\t\"\\/\b\f\r");
  EXPECT_EQ(*read<std::string>(R"("\ud83d\ude00")"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(*read<std::string>(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(*read<std::string>("\"\x7F\""), "\x7F");
  EXPECT_TRUE(read<Nothing>(" \t\r\n{ \"a\" : [ ] , \"\" : { } }\n").ok());
}

TEST(Json, RefusesWhatIsNotJson) {
  const std::string_view texts[] = {" ",
                                    "{",
                                    "[",
                                    "\"",
                                    "}",
                                    "]",
                                    "{\"a\"}",
                                    "{\"a\":}",
                                    "{\"a\":1,}",
                                    "[1,]",
                                    "[,1]",
                                    "[1 2]",
                                    "{a:1}",
                                    "{'a':1}",
                                    "{\"a\":1 \"b\":2}",
                                    "{\"a\"=1}",
                                    "{1:2}",
                                    "[1,,2]",
                                    "{} {}",
                                    "{}x",
                                    "nul",
                                    "NULL",
                                    "True",
                                    "undefined",
                                    "{\"a\":01}",
                                    "{\"a\":+1}",
                                    "{\"a\":.5}",
                                    "{\"a\":5.}",
                                    "{\"a\":1e}",
                                    "{\"a\":1e+}",
                                    "{\"a\":0x10}",
                                    "{\"a\":--1}",
                                    "{\"a\":1.2.3}",
                                    "{\"a",
                                    "{\"a\":\"\\x41\"}",
                                    "{\"a\":\"\\u12G4\"}",
                                    "{\"a\":\"\\\"}",
                                    "{\"a\":\"a\nb\"}",
                                    "{\"a\":\"\x01\"}",
                                    "// c\n{}",
                                    "{}//",
                                    "{\"a\":1,\"a\"}",
                                    "[1}",
                                    "{\"a\":[1}",
                                    "{\"a\":1]",
                                    ",",
                                    ":",
                                    "\xC2\xA0{}",
                                    "{\"a\":\"\xFF\"}",
                                    "{\"a\":\"\xC0\xAF\"}",
                                    "{\"a\":\"\xED\xA0\x80\"}",
                                    "{\"a\":\"\xF4\x90\x80\x80\"}",
                                    "{\"a\":\"\x80\"}",
                                    "{\"a\":\"\xE2\x82\"}",
                                    std::string_view("\xFF\xFE{\0}\0", 6),
                                    std::string_view("\0", 1),
                                    std::string_view("{\"a\":1}\0", 8),
                                    std::string_view("{\"a\":\"\0\"}", 9),
                                    "{\"a\":\"\\ud83d\"}",
                                    "{\"a\":\"\\ude00\"}",
                                    "\x1F\x8B\x08"};
  for (const std::string_view text : texts) {
    const auto result = read<Nothing>(text);
    EXPECT_EQ(result.status().code(), Code::kBadMessage) << text;
    EXPECT_EQ(result.status().reason(), "codec.json") << text;
  }
}

}  // namespace
}  // namespace fairlead::codec
