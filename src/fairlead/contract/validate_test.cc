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

TEST(Validate, AnswersWithTheFieldsOwnCodeAndText) {
  const Status status = check(DivideArg{.a = 1, .b = 0});

  EXPECT_EQ(status.code(), static_cast<Code>(1001));
  EXPECT_EQ(status.reason(), "contract.rule");
  EXPECT_EQ(status.message(), "divisor out of range");
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
