#include "fairlead/contract/validate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/contract/contract.h"

namespace fairlead::contract {
namespace {

struct DivideArg {
  double a = 0, b = 1;
  std::string caller{};
};
FL_STRUCT(DivideArg, (1, a), (2, b, range(0.01, 1e5), error(1001, "divisor out of range")),
          (3, caller, from_meta("x-caller"), len(0, 32)))

struct Item {
  std::string name = "n";
  std::int64_t count = 1;
};
FL_STRUCT(Item, (1, name, required, regexp("[a-z]+")), (2, count, range(1, INT64_MAX)))

struct Order {
  std::vector<Item> items{};
  std::map<std::string, Item> spare{};
  std::optional<Item> gift{};
  std::optional<std::int32_t> floor{};
  std::vector<std::string> tags{};
};
FL_STRUCT(Order, (1, items, len(0, 3)), (2, spare), (3, gift), (4, floor, range(-2, 40)),
          (5, tags, regexp("#.*"), error(2000, "bad tag"), len(0, 2)))

struct Needy {
  std::optional<std::string> text{};
  std::uint64_t number = 0;
  Bytes bytes{};
};
FL_STRUCT(Needy, (1, text, required), (2, number, nonzero, range(0, 0xFFFFFFFFFFFFFFF0U)),
          (3, bytes, len(2)))

struct Edges {
  std::int64_t whole = 0;
  std::uint64_t large = 0;
  float single = 0;
  std::vector<std::int32_t> numbers{};
  std::map<std::int32_t, std::int32_t> map{};
  std::string word = "ab";
  std::optional<std::string> maybe{};
};
FL_STRUCT(Edges, (1, whole, range(INT64_MIN + 1, INT64_MAX - 1)), (2, large, range(0, 7)),
          (3, single, range(-0.5, 0.5)), (4, numbers, range(1, 3), len(0, 2)), (5, map, len(0, 1)),
          (6, word, len(2, 3), regexp("[a-c]+")), (7, maybe, len(1), regexp("x|y")))

struct AllKinds {
  bool flag = true;
  std::int32_t number = 1;
  double real = 1;
  std::string text = "x";
  Bytes bytes = Bytes("x");
  std::vector<std::int32_t> list = {0};
  std::map<std::int32_t, std::int32_t> map = {{0, 0}};
  std::optional<std::int32_t> maybe = 0;
};
FL_STRUCT(AllKinds, (1, flag, required), (2, number, required), (3, real, required),
          (4, text, required), (5, bytes, required), (6, list, required), (7, map, required),
          (8, maybe, required))

struct Login {
  std::string password{};
  std::int32_t pin = 1;
};
FL_STRUCT(Login, (1, password, secret, regexp("[a-z]*"), len(0, 8)),
          (2, pin, secret, range(1, 9999), error(1001, "wrong pin")))

struct Tree {
  std::vector<Tree> children{};
};
FL_STRUCT(Tree, (1, children))

struct Broken {
  std::string text{};
};
FL_STRUCT(Broken, (1, text, regexp("(")))
struct Outer {
  std::vector<Broken> list{};
};
FL_STRUCT(Outer, (1, list))

template <class T>
Status check(const T& value) {
  return validate(type_info<T>(), &value);
}

TEST(Validate, HoldsARangeAtBothEnds) {
  for (const double b : {0.01, 1.0, 1e5}) EXPECT_TRUE(check(DivideArg{.a = 1, .b = b}).ok()) << b;
  for (const double b : {0.0099, 1e5 + 0.01, -1.0, std::nan("")}) {
    EXPECT_FALSE(check(DivideArg{.a = 1, .b = b}).ok()) << b;
  }
}

TEST(Validate, KnowsBothSidesOfEachBorder) {
  const std::pair<Edges, Edges> good_and_bad[] = {
      {{.whole = INT64_MAX - 1}, {.whole = INT64_MAX}},
      {{.whole = INT64_MIN + 1}, {.whole = INT64_MIN}},
      {{.large = 7}, {.large = 8}},
      {{.large = 0}, {.large = UINT64_MAX}},
      {{.single = 0.5F}, {.single = std::nextafter(0.5F, 1.0F)}},
      {{.single = -0.5F}, {.single = std::nextafter(-0.5F, -1.0F)}},
      {{.numbers = {1, 3}}, {.numbers = {1, 4}}},
      {{.numbers = {1, 3}}, {.numbers = {0, 3}}},
      {{.numbers = {1, 1}}, {.numbers = {1, 1, 1}}},
      {{.map = {{1, 1}}}, {.map = {{1, 1}, {2, 2}}}},
      {{.word = "ab"}, {.word = "a"}},
      {{.word = "abc"}, {.word = "abca"}},
      {{.word = "abc"}, {.word = "abd"}},
      {{.word = "ab"}, {.word = "ab\n"}},
      {{.maybe = std::nullopt}, {.maybe = ""}},
      {{.maybe = "x"}, {.maybe = "z"}},
  };
  for (const auto& [good, bad] : good_and_bad) {
    EXPECT_TRUE(check(good).ok()) << check(good);
    EXPECT_EQ(check(bad).code(), Code::kBadMessage);
  }
}

TEST(Validate, RequiresAValueOfEveryKind) {
  EXPECT_TRUE(check(AllKinds{}).ok());
  const AllKinds missing[] = {{.flag = false}, {.number = 0},          {.real = -0.0},
                              {.text = ""},    {.bytes = Bytes()},     {.list = {}},
                              {.map = {}},     {.maybe = std::nullopt}};
  std::size_t field = 0;
  for (const AllKinds& value : missing) {
    const std::string name(struct_info<AllKinds>().fields[field++].name);
    EXPECT_EQ(check(value).message(), name + ": a value is required");
  }
}

TEST(Validate, NamesEveryMissingFieldOfAStructAtOnce) {
  const Status status = check(AllKinds{.number = 0, .text = "", .maybe = std::nullopt});

  EXPECT_EQ(status.reason(), "contract.required");
  EXPECT_EQ(status.message(), "number, text, maybe: values are required");
}

TEST(Validate, ShowsTheValueOfNoSecret) {
  const Status pattern = check(Login{.password = "Hunter2"});
  const Status length = check(Login{.password = "hunterhunter"});
  const Status own = check(Login{.pin = 12345});

  EXPECT_EQ(pattern.message(), "password: wanted text that matches [a-z]*");
  EXPECT_EQ(length.message(), "password: wanted a length of 0 to 8");
  EXPECT_EQ(own.message(), "wrong pin");
  ASSERT_NE(own.cause(), nullptr);
  EXPECT_EQ(*own.cause(), "pin: wanted 1 to 9999");
}

TEST(Validate, AnswersWithTheFieldsOwnCodeAndText) {
  const Status status = check(DivideArg{.a = 1, .b = 0});

  EXPECT_EQ(status.code(), static_cast<Code>(1001));
  EXPECT_EQ(status.reason(), "contract.rule");
  EXPECT_EQ(status.message(), "divisor out of range");
  ASSERT_NE(status.cause(), nullptr);
  EXPECT_EQ(*status.cause(), "b: wanted 0.01 to 100000, got 0");
}

TEST(Validate, CutsAndEscapesTheValueThatItShows) {
  const Status status = check(Edges{.word = "ab\n"});
  const std::string long_word = "#" + std::string(500, 'z');

  EXPECT_EQ(status.message(), "word: wanted text that matches [a-c]+, got \"ab\\n\"");
  EXPECT_LT(check(Item{.name = long_word}).message().size(), 150U);
}

TEST(Validate, CountsBytesOfTextAndElementsOfLists) {
  EXPECT_TRUE(check(DivideArg{.caller = std::string(32, 'x')}).ok());
  const Status text = check(DivideArg{.caller = std::string(33, 'x')});
  const Status list = check(Order{.items = std::vector<Item>(4)});

  EXPECT_EQ(text.code(), Code::kBadMessage);
  EXPECT_EQ(text.reason(), "contract.len");
  EXPECT_EQ(text.message(), "caller: wanted a length of 0 to 32, got 33");
  EXPECT_EQ(list.reason(), "contract.len");
}

TEST(Validate, NamesThePathIntoListsMapsAndOptionals) {
  const Status list = check(Order{.items = {Item{}, Item{.name = "b4d\n"}}});
  const Status map = check(Order{.spare = {{"left \"x\"", Item{.name = "ok", .count = 0}}}});
  const Status optional = check(Order{.gift = Item{.name = "", .count = 1}});

  EXPECT_EQ(list.reason(), "contract.regexp");
  EXPECT_EQ(list.message(), "items[1].name: wanted text that matches [a-z]+, got \"b4d\\n\"");
  EXPECT_EQ(map.reason(), "contract.range");
  EXPECT_EQ(map.message(), "spare[\"left \"x\"\"].count: wanted 1 to 9223372036854775807, got 0");
  EXPECT_EQ(optional.reason(), "contract.required");
  EXPECT_EQ(optional.message(), "gift.name: a value is required");
}

TEST(Validate, LooksThroughOptionalsAndAtEachTextOfAList) {
  EXPECT_TRUE(check(Order{}).ok());
  EXPECT_TRUE(check(Order{.floor = 40, .tags = {"#a", "#b"}}).ok());
  EXPECT_EQ(check(Order{.floor = 41}).reason(), "contract.range");
  EXPECT_EQ(check(Order{.tags = {"#a", "b"}}).code(), static_cast<Code>(2000));
  // error() belongs to the rules before it: len() after it answers with its own reason.
  EXPECT_EQ(check(Order{.tags = {"#a", "#b", "#c"}}).reason(), "contract.len");
}

TEST(Validate, KnowsMissingFromZero) {
  EXPECT_EQ(check(Needy{.number = 1, .bytes = Bytes("ab")}).reason(), "contract.required");
  EXPECT_EQ(check(Needy{.text = "", .number = 0, .bytes = Bytes("ab")}).reason(),
            "contract.required");
  EXPECT_TRUE(check(Needy{.text = "", .number = 1, .bytes = Bytes("ab")}).ok());
  EXPECT_EQ(check(Needy{.text = "", .number = 1, .bytes = Bytes("abc")}).reason(), "contract.len");
}

TEST(Validate, RefusesValuesNestedTooDeep) {
  Tree leaf;
  for (int i = 1; i < kDepthMax; ++i) {
    Tree up;
    up.children.push_back(std::move(leaf));
    leaf = std::move(up);
  }
  EXPECT_TRUE(check(leaf).ok());

  Tree one_more;
  one_more.children.push_back(std::move(leaf));
  EXPECT_EQ(check(one_more).reason(), "contract.depth");
}

TEST(CheckRules, FindsABadPatternWhereverItIs) {
  EXPECT_TRUE(check_rules(type_info<Order>()).ok());
  EXPECT_TRUE(check_rules(type_info<Tree>()).ok());
  EXPECT_TRUE(check_rules(type_info<std::string>()).ok());
  const Status status = check_rules(type_info<Outer>());

  EXPECT_EQ(status.code(), Code::kInvalidOperation);
  EXPECT_EQ(status.reason(), "contract.bad_pattern");
  EXPECT_TRUE(status.message().starts_with("Broken.text: ")) << status;
  EXPECT_EQ(check(Outer{.list = {Broken{}}}).code(), Code::kInternal);
}

}  // namespace
}  // namespace fairlead::contract
