#include "fairlead/config/changes.h"

#include <gtest/gtest.h>

namespace fairlead::config {
namespace {

Document document(std::string_view text) { return parse(text, "test.yaml").value(); }

std::vector<std::string> told(std::string_view before, std::string_view after) {
  std::vector<std::string> out;
  for (const Change& change : changes(document(before), document(after))) {
    out.push_back(change.path() + ": '" + change.before + "' to '" + change.after + "'");
  }
  return out;
}

using Told = std::vector<std::string>;

TEST(Changes, NameEveryValueThatIsNotWhatItWas) {
  EXPECT_EQ(told("a: 1\nb: {c: x, d: y}\ngone: 2\n", "a: 1\nb: {c: z, d: y}\nnew: 3\n"),
            (Told{"b.c: 'x' to 'z'", "gone: '2' to ''", "new: '' to '3'"}));
}

TEST(Changes, OfTheSameTextAreNone) {
  EXPECT_EQ(told("a: {b: [1, {c: d}]}\n", "{\"a\": {\"b\": [1, {\"c\": \"d\"}]}}"), Told{});
  EXPECT_EQ(told("", "a:\n"), Told{}) << "a null is not written";
}

TEST(Changes, TakeAListForOneValue) {
  EXPECT_EQ(told("list: [a]", "list: [a, {b: c, d: [e]}, ]"),
            Told{"list: '[a]' to '[a, {b: c, d: [e]}]'"});
  EXPECT_EQ(told("listen: a", "listen: [a]"), Told{"listen: 'a' to '[a]'"});
}

TEST(Changes, KeepKeysWithDotsApart) {
  const auto found = changes(document(""), document("clients: {'127.0.0.1:1': {protocol: pb}}"));

  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].steps, (std::vector<std::string>{"clients", "127.0.0.1:1", "protocol"}));
}

TEST(Changes, ThatAreTakenMakeTheDocumentsEqual) {
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"a: 1\nb: {c: x}\n", "b: {c: [1, {d: e}]}\nf: {g: {h: i}}\n"},
      {"", "a: {b: c}"},
      {"a: {b: c}", ""},
      {"a: text", "a: {b: c}"},
      {"a: {b: c}", "a: [b, c]"},
  };
  for (const auto& [before, after] : pairs) {
    Document taken = document(before);
    const Document other = document(after);

    for (const Change& change : changes(taken, other)) taken.take(other, change.steps);

    EXPECT_TRUE(changes(taken, other).empty()) << before << " to " << after;
  }
}

TEST(Changes, ThatAreTakenKeepTheirPlace) {
  Document taken = document("a: 1\n");

  taken.take(document("\n\na: 2\n"), {"a"});

  EXPECT_EQ(taken.root().find("a")->place().to_string(), "test.yaml:3:4");
}

TEST(Changes, AreMergedWhereTheyMayCountNow) {
  const Document in_use = document("live: 1\nfixed: 1\n");
  const Document written = document("live: 2\nfixed: 2\nnew: 3\n");

  const Merged merged = merge(
      in_use, written, [](const std::vector<std::string>& steps) { return steps[0] == "live"; });

  ASSERT_EQ(merged.live.size(), 1U);
  EXPECT_EQ(merged.live[0].path(), "live");
  ASSERT_EQ(merged.at_start.size(), 2U);
  EXPECT_EQ(merged.at_start[0].path(), "fixed");
  EXPECT_EQ(merged.at_start[1].path(), "new");
  EXPECT_TRUE(changes(merged.document, document("live: 2\nfixed: 1\n")).empty());
}

TEST(Changes, OfOneKeyLeaveTheOthers) {
  Document taken = document("a: {b: 1, c: 2}\n");

  taken.take(document("a: {b: 3, c: 4}\nd: 5\n"), {"a", "b"});

  EXPECT_EQ(taken.root().find("a")->find("b")->text(), "3");
  EXPECT_EQ(taken.root().find("a")->find("c")->text(), "2");
  EXPECT_EQ(taken.root().find("d"), nullptr);
}

}  // namespace
}  // namespace fairlead::config
