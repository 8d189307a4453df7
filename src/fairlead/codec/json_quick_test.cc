#include "fairlead/codec/json_quick.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/random.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec::internal {
namespace {

struct Inside {
  std::string text{};
  std::int32_t number = 0;
  bool operator==(const Inside&) const = default;
};
FL_STRUCT(Inside, (1, text), (2, number))

struct Flat {
  std::int64_t id = 0;
  std::string name{};
  double rate = 0;
  bool flag = false;
  std::uint32_t count = 0;
  float small = 0;
  test::Color color = test::Color::kRed;
  std::optional<std::int32_t> maybe{};
  Inside inside{};
  std::vector<std::int32_t> list{};
  bool operator==(const Flat&) const = default;
};
FL_STRUCT(Flat, (1, id), (2, name), (3, rate), (4, flag), (5, count), (6, small), (7, color),
          (8, maybe), (9, inside), (10, list))

bool quick(std::string_view text, Flat& out) {
  return quick_read_json(*contract::type_info<Flat>().structure, text, &out);
}

Status by_document(std::string_view text, Flat& out) {
  return decode_json_document(contract::type_info<Flat>(), Bytes(text), &out, {});
}

TEST(QuickJson, ReadsAnObjectAsProgramsWriteIt) {
  Flat flat;

  ASSERT_TRUE(quick(R"({"id":-12,"name":"Ann","rate":1.5,"flag":true,"count":7,"small":0.25,)"
                    R"("color":"blue","maybe":3,"inside":{"text":"x","number":4}})",
                    flat));

  EXPECT_EQ(flat.id, -12);
  EXPECT_EQ(flat.name, "Ann");
  EXPECT_EQ(flat.rate, 1.5);
  EXPECT_TRUE(flat.flag);
  EXPECT_EQ(flat.count, 7U);
  EXPECT_EQ(flat.small, 0.25F);
  EXPECT_EQ(flat.color, test::Color::kBlue);
  EXPECT_EQ(flat.maybe, 3);
  EXPECT_EQ(flat.inside.number, 4);
}

TEST(QuickJson, ReadsMembersInAnyOrderWithAnySpace) {
  Flat flat;

  ASSERT_TRUE(quick(" {\n\t\"flag\" : false , \"id\":0,\r\n \"name\":\"\xC3\xA4\" } \n", flat));

  EXPECT_EQ(flat.name, "\xC3\xA4");
}

// Each of them is read or refused by the reader of documents, which says what it means.
TEST(QuickJson, LeavesEverythingElseToTheReaderOfDocuments) {
  for (const std::string_view text : {
           "",
           " ",
           "null",
           "[]",
           "{",
           "{}x",
           "{\"id\":1}}",
           "{\"id\":1,}",
           "{,\"id\":1}",
           "{\"id\":1 \"flag\":true}",
           "{\"id\" 1}",
           "{\"nobody\":1}",
           "{\"id\":1,\"id\":2}",
           "{\"id\":\"1\"}",
           "{\"id\":01}",
           "{\"id\":-}",
           "{\"id\":1.0}",
           "{\"id\":1e2}",
           "{\"id\":9223372036854775807}",
           "{\"count\":-1}",
           "{\"count\":4294967296}",
           "{\"name\":\"a\\nb\"}",
           "{\"name\":\"a\nb\"}",
           "{\"name\":\"\xFF\"}",
           "{\"name\":\"a",
           "{\"name\":\"0123456789abcdef",
           "{\"name\":\"0123456789abcdef\\u0041\"}",
           "{\"rate\":.5}",
           "{\"rate\":5.}",
           "{\"rate\":1e5}",
           "{\"rate\":-0}",
           "{\"rate\":NaN}",
           "{\"rate\":\"NaN\"}",
           "{\"small\":1e39}",
           "{\"flag\":1}",
           "{\"flag\":tru}",
           "{\"flag\":trueish}",
           "{\"color\":2}",
           "{\"color\":\"pink\"}",
           "{\"list\":[1]}",
           "{\"inside\":[]}",
           "{\"id\":nul}",
           "\xEF\xBB\xBF{}",
       }) {
    Flat flat;
    EXPECT_FALSE(quick(text, flat)) << text;
  }
}

// What it reads means the same as to the reader of documents; what it gives up may have left
// something behind, which that reader must not notice.
void expect_the_same(const std::string& text) {
  Flat slow;
  Flat fast;
  const Status status = by_document(text, slow);
  const bool read = quick(text, fast);
  if (read) {
    ASSERT_TRUE(status.ok()) << text << "\n" << status;
  } else {
    const Status again = by_document(text, fast);
    ASSERT_EQ(again.ok(), status.ok()) << text;
  }
  if (!status.ok()) return;
  ASSERT_TRUE(fast == slow) << text;
  ASSERT_EQ(std::signbit(fast.rate), std::signbit(slow.rate)) << text;
}

std::string random_value(Random& random) {
  static const std::vector<std::string> kValues = {
      "0",
      "-0",
      "7",
      "-12",
      "123456789012345678",
      "1234567890123456789",
      "1.5",
      "-0.0",
      "3.0",
      "1e2",
      "0.1",
      "123456.789",
      "\"\"",
      "\"a\"",
      "\"12\"",
      "true",
      "false",
      "null",
      "\"blue\"",
      "\"red\"",
      "[1,2]",
      "{}",
      "4294967295",
      "-2147483648",
      "\"\\n\"",
      "\"\xC3\xA4\"",
      "\"0123456789abcdef0123456789\"",
      "\"0123456789abcde\xC3\xA4z\"",
      "{\"text\":\"in\",\"number\":2}",
      "{\"number\":-1}",
  };
  return kValues[random.below(kValues.size())];
}

TEST(QuickJson, AgreesWithTheReaderOfDocumentsOnRandomOnes) {
  const std::vector<std::string> names = {"id",    "name",  "rate",   "flag", "count", "small",
                                          "color", "maybe", "inside", "list", "other"};
  Random random(20);
  for (int i = 0; i < 30'000; ++i) {
    std::string text = "{";
    const std::uint64_t members = random.below(5);
    for (std::uint64_t member = 0; member < members; ++member) {
      if (member > 0) text += random.below(10) == 0 ? " , " : ",";
      text += "\"" + names[random.below(names.size())] + "\":" + random_value(random);
    }
    text += "}";
    expect_the_same(text);
    if (random.below(2) == 0 && !text.empty()) {
      text[random.below(text.size())] ^= static_cast<char>(1U << random.below(8));
      expect_the_same(text);
      expect_the_same(text.substr(0, random.below(text.size() + 1)));
    }
  }
}

}  // namespace
}  // namespace fairlead::codec::internal
