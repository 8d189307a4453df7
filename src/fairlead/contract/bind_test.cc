#include "fairlead/contract/bind.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <utility>

#include "fairlead/contract/contract.h"
#include "fairlead/contract/validate.h"

namespace fairlead::contract {
namespace {

struct Page {
  std::uint32_t number = 1;
  std::vector<std::string> tags{};
};
FL_STRUCT(Page, (1, number, from_query()), (2, tags, from_query("tag")))

struct Arg {
  std::string text{};
  std::string caller{};
  std::optional<bool> dry{};
  std::string user = "guest";
  std::vector<std::int32_t> groups{};
  Page page{};
  std::int32_t pin = 0;
};
FL_STRUCT(Arg, (1, text), (2, caller, from_meta("x-caller")), (3, dry, from_meta()),
          (4, user, from_session()), (5, groups, from_session("group")), (6, page),
          (7, pin, from_meta(), secret))

struct InAList {
  std::vector<Page> pages{};
};
FL_STRUCT(InAList, (1, pages))

class Given final : public Sources {
 public:
  using Key = std::pair<Source, std::string>;
  explicit Given(std::multimap<Key, std::string> values) : values_(std::move(values)) {}
  void find(Source source, std::string_view key, bool all,
            std::vector<std::string>& values) const override {
    const auto [from, to] = values_.equal_range({source, std::string(key)});
    for (auto at = from; at != to && (all || values.empty()); ++at) values.push_back(at->second);
  }

 private:
  std::multimap<Key, std::string> values_;
};

Status fill(Arg& arg, std::multimap<Given::Key, std::string> values) {
  return bind(struct_info<Arg>(), &arg, Given(std::move(values)));
}

TEST(Bind, FillsFieldsFromTheirSourceOverTheBodysValue) {
  Arg arg{.text = "body", .caller = "body", .user = "body", .page = {.number = 9, .tags = {"x"}}};

  ASSERT_TRUE(fill(arg, {{{Source::kMeta, "x-caller"}, "me"},
                         {{Source::kMeta, "dry"}, "on"},
                         {{Source::kMeta, "text"}, "not asked for"},
                         {{Source::kSession, "user"}, "ann"},
                         {{Source::kSession, "group"}, "4"},
                         {{Source::kSession, "group"}, "7"},
                         {{Source::kQuery, "number"}, "3"},
                         {{Source::kQuery, "tag"}, "a"},
                         {{Source::kQuery, "tag"}, "b"}})
                  .ok());

  EXPECT_EQ(arg.text, "body");
  EXPECT_EQ(arg.caller, "me");
  EXPECT_EQ(arg.dry, true);
  EXPECT_EQ(arg.user, "ann");
  EXPECT_EQ(arg.groups, (std::vector<std::int32_t>{4, 7}));
  EXPECT_EQ(arg.page.number, 3U);
  EXPECT_EQ(arg.page.tags, (std::vector<std::string>{"a", "b"}));
}

TEST(Bind, KeepsTheBodysValueWhereTheSourceHasNone) {
  Arg arg{.caller = "body", .page = {.number = 9}};

  ASSERT_TRUE(fill(arg, {}).ok());

  EXPECT_EQ(arg.caller, "body");
  EXPECT_EQ(arg.page.number, 9U);
  EXPECT_EQ(arg.dry, std::nullopt);
}

// Otherwise a caller that nobody logged in could name itself in the body.
TEST(Bind, TakesAFieldOfTheSessionFromNowhereElse) {
  Arg arg{.user = "root", .groups = {0}};

  ASSERT_TRUE(fill(arg, {}).ok());

  EXPECT_EQ(arg.user, "");
  EXPECT_TRUE(arg.groups.empty());
}

TEST(Bind, TakesTheFirstValueOfAKeyForASingleField) {
  Arg arg;
  ASSERT_TRUE(
      fill(arg, {{{Source::kMeta, "x-caller"}, "first"}, {{Source::kMeta, "x-caller"}, "second"}})
          .ok());

  EXPECT_EQ(arg.caller, "first");
}

TEST(Bind, NamesTheFieldAndTheSourceOfATextThatDoesNotFit) {
  Arg arg;
  const Status query = fill(arg, {{{Source::kQuery, "number"}, "-1"}});
  const Status secret = fill(arg, {{{Source::kMeta, "pin"}, "hunter2"}});

  EXPECT_EQ(query.code(), Code::kBadMessage);
  EXPECT_EQ(query.reason(), "contract.text");
  EXPECT_EQ(query.message(), "page.number (query \"number\"): wanted uint32, got \"-1\"");
  EXPECT_EQ(secret.reason(), "contract.text");
  EXPECT_EQ(secret.message(), "pin (metadata \"pin\"): wanted int32, got something else");
}

TEST(CheckRules, RefusesASourceWhereNothingWouldFillTheField) {
  EXPECT_TRUE(check_rules(type_info<Arg>()).ok());
  EXPECT_TRUE(check_rules(type_info<Page>()).ok());
  const Status status = check_rules(type_info<InAList>());

  EXPECT_EQ(status.code(), Code::kInvalidOperation);
  EXPECT_EQ(status.reason(), "contract.bad_source");
  EXPECT_TRUE(status.message().starts_with("Page.number: ")) << status;
}

}  // namespace
}  // namespace fairlead::contract
