#include "fairlead/contract/struct.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace fairlead::contract {
namespace shapes {

// Names that a user may well have; the words of the macros must not trip over them.
[[maybe_unused]] inline int error(int code) { return code; }
[[maybe_unused]] inline int range = 0;

enum class Color : std::uint8_t { kRed, kGreen, kBlue = 7 };
FL_ENUM(Color, (kRed, "red"), (kGreen, "green"), (kBlue))

struct Inner {
  std::string name{};
};
FL_STRUCT(Inner, (1, name, len(1, 8)))

struct Tree {
  std::vector<Tree> children{};
  std::map<std::string, Tree> named{};
};
FL_STRUCT(Tree, (1, children), (2, named))

struct Everything {
  bool flag = false;
  int small = 0;
  long long large = 0;
  std::uint32_t small_unsigned = 0;
  std::uint64_t large_unsigned = 0;
  float single = 0;
  double real = 0;
  std::string text{};
  Bytes bytes{};
  Color color{};
  Inner inner{};
  std::vector<double> list{};
  std::unordered_map<std::int64_t, Inner> map{};
  std::optional<Inner> maybe{};
};
FL_STRUCT(Everything, (14, flag), (13, small, sint), (12, large), (11, small_unsigned),
          (10, large_unsigned), (9, single), (8, real, range(0.5, 1)), (7, text), (6, bytes),
          (5, color), (4, inner), (3, list), (2, map), (1, maybe, required))

struct Nothing {};
FL_STRUCT(Nothing)

struct Wide {
  int a = 0, b = 0, c = 0;
};
FL_STRUCT(Wide, (536870911, a, from_meta("x-a")), (18999, b), (20000, c))

}  // namespace shapes

using shapes::Color;
using shapes::Everything;

TEST(FlStruct, DescribesEveryKindOfField) {
  const StructInfo& info = struct_info<Everything>();

  const Kind kinds[] = {Kind::kBool,   Kind::kInt32,  Kind::kInt64,  Kind::kUint32,  Kind::kUint64,
                        Kind::kFloat,  Kind::kDouble, Kind::kString, Kind::kBytes,   Kind::kEnum,
                        Kind::kStruct, Kind::kList,   Kind::kMap,    Kind::kOptional};
  ASSERT_EQ(info.fields.size(), std::size(kinds));
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    EXPECT_EQ(info.fields[i].type->kind, kinds[i]) << info.fields[i].name;
    EXPECT_EQ(info.fields[i].number, 14 - i);
  }
  EXPECT_EQ(info.name, "Everything");
  EXPECT_TRUE(info.fields[1].zigzag);
}

TEST(FlStruct, ReachesTheMembersOfAnObject) {
  Everything object;
  const StructInfo& info = struct_info<Everything>();

  EXPECT_EQ(info.find("text")->in(&object), &object.text);
  EXPECT_EQ(info.find(5U)->in(&object), &object.color);
}

TEST(FlStruct, FindsFieldsByNameAndNumberOnly) {
  const StructInfo& info = struct_info<Everything>();

  for (const FieldInfo& field : info.fields) {
    EXPECT_EQ(info.find(field.name), &field);
    EXPECT_EQ(info.find(field.number), &field);
  }
  EXPECT_EQ(info.find("tex"), nullptr);
  EXPECT_EQ(info.find(""), nullptr);
  EXPECT_EQ(info.find(0U), nullptr);
  EXPECT_EQ(info.find(15U), nullptr);
}

TEST(FlStruct, AllowsAStructWithoutFields) {
  EXPECT_TRUE(struct_info<shapes::Nothing>().fields.empty());
  EXPECT_EQ(struct_info<shapes::Nothing>().find("a"), nullptr);
}

TEST(FlStruct, AllowsAStructThatContainsItself) {
  const StructInfo& info = struct_info<shapes::Tree>();

  EXPECT_EQ(info.fields[0].type->element, &type_info<shapes::Tree>());
  EXPECT_EQ(info.fields[1].type->element, &type_info<shapes::Tree>());
  EXPECT_EQ(info.fields[1].type->key->kind, Kind::kString);
}

TEST(FlStruct, AllowsTheNumbersAtTheEdges) {
  const StructInfo& info = struct_info<shapes::Wide>();

  EXPECT_EQ(info.find(kFieldNumberMax)->name, "a");
  EXPECT_EQ(info.find(kFieldNumberMax)->source, Source::kMeta);
  EXPECT_EQ(info.find(kFieldNumberMax)->source_key, "x-a");
  EXPECT_EQ(info.find("b")->source, Source::kBody);
  EXPECT_EQ(info.find(18999U)->name, "b");
  EXPECT_EQ(info.find(20000U)->name, "c");
}

TEST(TypeInfo, GrowsListsMapsAndOptionalsWithoutKnowingTheType) {
  Everything object;
  const StructInfo& info = struct_info<Everything>();

  const TypeInfo& list = *info.find("list")->type;
  *static_cast<double*>(list.list->append(&object.list)) = 2.5;
  const TypeInfo& map = *info.find("map")->type;
  bool inserted = false;
  static_cast<shapes::Inner*>(map.map->emplace(&object.map, MapKey{.number = 9}, inserted))->name =
      "n";
  const TypeInfo& maybe = *info.find("maybe")->type;
  EXPECT_EQ(maybe.optional->get(&object.maybe), nullptr);
  void* inner = maybe.optional->emplace(&object.maybe);

  EXPECT_EQ(object.list, std::vector<double>{2.5});
  EXPECT_TRUE(inserted);
  EXPECT_EQ(object.map.at(9).name, "n");
  EXPECT_EQ(maybe.optional->get(&object.maybe), inner);
}

TEST(FlEnum, KnowsNamesAndNumbersAndRefusesWhatDoesNotFit) {
  const EnumInfo& info = *type_info<Color>().enumeration;
  Color color{};

  EXPECT_EQ(info.find("green")->number, 1);
  EXPECT_EQ(info.find("kBlue")->number, 7);
  EXPECT_EQ(info.find("kGreen"), nullptr);
  EXPECT_EQ(info.find(7)->name, "kBlue");
  EXPECT_TRUE(info.set(&color, 200));
  EXPECT_EQ(static_cast<int>(color), 200);
  EXPECT_FALSE(info.set(&color, 256));
  EXPECT_FALSE(info.set(&color, -1));
}

struct PlainOne {
  std::string text{};
  std::int32_t number = 0;
};
FL_STRUCT(PlainOne, (1, text), (2, number))
struct WithRule {
  std::int32_t number = 0;
};
FL_STRUCT(WithRule, (1, number, range(1, 2)))
struct WithSource {
  std::string text{};
};
FL_STRUCT(WithSource, (1, text, from_meta("t")))
struct WithInner {
  WithRule inner{};
};
FL_STRUCT(WithInner, (1, inner))
struct WithList {
  std::vector<WithRule> list{};
};
FL_STRUCT(WithList, (1, list))

// What is plain is neither checked nor bound.
TEST(Struct, IsPlainOnlyWithoutRulesSourcesAndOtherStructs) {
  EXPECT_TRUE(type_info<PlainOne>().structure->plain);
  EXPECT_FALSE(type_info<WithRule>().structure->plain);
  EXPECT_FALSE(type_info<WithSource>().structure->plain);
  EXPECT_FALSE(type_info<WithInner>().structure->plain);
  EXPECT_FALSE(type_info<WithList>().structure->plain);
}

}  // namespace fairlead::contract
