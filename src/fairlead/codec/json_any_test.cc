// JSON of whatever type: what check_json() takes and refuses where RFC 8259 leaves a choice, and
// that a refusal says where. The choices are in docs/reference/bodies.md.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "fairlead/codec/codec.h"

namespace fairlead::codec {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string verdict(std::string_view text) {
  const Status status = check_json(Bytes::borrow(text));
  if (status.ok()) return "taken";
  EXPECT_EQ(status.code(), Code::kBadMessage);
  return std::string(status.message());
}

// The text of one refused at `column` of its first line.
std::string at(std::size_t column, std::string_view wanted) {
  return "the body: line 1, column " + std::to_string(column) + " (byte " +
         std::to_string(column - 1) + "): wanted " + std::string(wanted);
}

TEST(AnyJson, TakesADocumentOfEachType) {
  for (const char* text : {"{}", "[]", "null", "true", "-0", "1.5e-7", R"("\u0000")", R"({"":0})",
                           R"([1,{"a":[{"b":null}]},"é☺😀"])"}) {
    EXPECT_EQ(verdict(text), "taken") << text;
  }
}

TEST(AnyJson, NamesThePlaceOfASyntaxError) {
  EXPECT_EQ(verdict(""), "the body: wanted JSON, got an empty body");
  EXPECT_EQ(verdict("{} {}"), at(4, "nothing after the document"));
  EXPECT_EQ(verdict("[1}"), at(3, "a comma or ]"));
  EXPECT_EQ(verdict("[\"\xFF\"]"), at(3, "UTF-8 in the text that begins here"));
  EXPECT_EQ(verdict("\xEF\xBB\xBF{}"), at(1, "JSON without a byte order mark"));
}

TEST(AnyJson, RefusesHalvesOfSurrogatePairs) {
  const std::string halves = "both halves of a surrogate pair";
  EXPECT_EQ(verdict(R"("\ud83d\ude00")"), "taken");
  EXPECT_EQ(verdict(R"("\ud83d")"), at(2, halves));
  EXPECT_EQ(verdict(R"("a\ude00")"), at(3, halves));
  EXPECT_EQ(verdict(R"("\ud83d\n")"), at(2, halves));
  EXPECT_EQ(verdict(R"("\ud83d\ud83d")"), at(2, halves));
  EXPECT_EQ(verdict(R"("\ud83d\ude0")"), at(13, "four hexadecimal digits"));
}

TEST(AnyJson, TakesNumbersThatADoubleHoldsOrRoundsToZero) {
  for (const std::string& text :
       {std::string("9007199254740993"), std::string("18446744073709551615"),
        std::string("-9223372036854775808"), std::string("1.7976931348623157e308"),
        std::string("1e-400"), std::string("-1e-99999999999999999999"), std::string("0e400"),
        std::string("0e99999999999999999999"), "0." + std::string(100'000, '1'),
        "0." + std::string(400, '0') + "1", std::string(400, '1') + "e-395",
        std::string(309, '0').replace(0, 1, "1")}) {
    EXPECT_EQ(verdict(text), "taken") << text.substr(0, 40);
  }
}

TEST(AnyJson, NamesThePlaceOfANumberThatNoDoubleHolds) {
  const std::string wanted = "a number that a double holds";
  for (const std::string& number :
       {std::string("1e400"), std::string("-1E+400"), std::string("1.8e308"),
        std::string("1e99999999999999999999"), "0." + std::string(50, '0') + "1e400",
        std::string(400, '1'), std::string(400, '1') + ".5e-1", std::string(100'000, '1')}) {
    EXPECT_EQ(verdict("[1e-400," + number + "]"), at(9, wanted)) << number.substr(0, 40);
  }
}

TEST(AnyJson, RefusesAKeyGivenTwiceAtAnyDepth) {
  EXPECT_EQ(verdict(R"({"a":1,"a":2})"), "a: the field is given twice");
  EXPECT_EQ(verdict(R"({"x":[{"a":1,"b":2,"\u0061":3}]})"), "x[0].a: the field is given twice");
  EXPECT_EQ(verdict(R"({"__proto__":{"x":1},"constructor":1})"), "taken");
  EXPECT_EQ(verdict(R"([{"a\u0000":1}])"), "[0]: a key with a NUL");
}

TEST(AnyJson, TakesManyKeysInLittleTime) {
  std::string many = "{\"\":0";
  for (int i = 0; i < 50'000; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  std::string alike = "{\"\":0";
  for (std::size_t i = 1; i < 2000; ++i) alike += ",\"" + std::string(i, 'a') + "\":0";
  EXPECT_EQ(verdict(many + "}"), "taken");
  EXPECT_EQ(verdict(alike + "}"), "taken");
}

// Depth counts arrays and objects that hold something.
TEST(AnyJson, HoldsTheLimitOfNesting) {
  EXPECT_EQ(verdict(repeated("[", 64) + "1" + repeated("]", 64)), "taken");
  EXPECT_EQ(verdict(repeated("[", 64) + "[ ],{}" + repeated("]", 64)), "taken");
  EXPECT_EQ(verdict(repeated("[", 64) + "[],x"), at(68, "a value"));
  const std::string wanted = "at most 64 levels of nesting";
  for (const std::string& text :
       {repeated("[", 65) + "1" + repeated("]", 65), repeated("[", 1000) + repeated("]", 1000),
        repeated("[", 100'000) + repeated("]", 100'000), repeated("[", 100'000)}) {
    EXPECT_EQ(verdict(text), at(65, wanted));
    EXPECT_EQ(check_json(Bytes(text)).reason(), "codec.depth");
  }
  EXPECT_EQ(verdict(repeated(R"({"a":)", 100'000) + "1" + repeated("}", 100'000)),
            at(64 * 5 + 1, wanted));
  EXPECT_EQ(verdict(repeated(R"([{"a":)", 50'000)), at(32 * 6 + 1, wanted));
}

}  // namespace
}  // namespace fairlead::codec
