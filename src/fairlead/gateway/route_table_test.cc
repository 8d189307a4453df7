#include "fairlead/gateway/route_table.h"

#include <gtest/gtest.h>

namespace fairlead::gateway {
namespace {

// "service method" of the match, or "none".
std::string find(const RouteTable& table, std::string_view path) {
  RouteTable::Match match;
  const RouteSpec* route = table.find(path, match);
  return route == nullptr ? "none" : route->service + " " + std::string(match.method);
}

TEST(RouteTable, GivesTheRestOfThePathAsMethodWhenItStrips) {
  const RouteTable table({{"/api", "math", true}});

  EXPECT_EQ(find(table, "/api/math/divide"), "math /math/divide");
  EXPECT_EQ(find(table, "/api/"), "math /");
  EXPECT_EQ(find(table, "/api"), "math /");
}

TEST(RouteTable, GivesTheWholePathAsMethodOtherwise) {
  const RouteTable table({{"/math", "math", false}});

  EXPECT_EQ(find(table, "/math/divide"), "math /math/divide");
  EXPECT_EQ(find(table, "/math"), "math /math");
}

TEST(RouteTable, MatchesOnTheBordersOfSegmentsOnly) {
  const RouteTable table({{"/api", "math", true}});

  EXPECT_EQ(find(table, "/apis"), "none");
  EXPECT_EQ(find(table, "/ap"), "none");
  EXPECT_EQ(find(table, "/API/x"), "none");
  EXPECT_EQ(find(table, "/"), "none");
}

TEST(RouteTable, TheLongestPrefixWins) {
  const RouteTable table(
      {{"/a", "short", true}, {"/a/b/c", "long", true}, {"/a/b", "middle", true}});

  EXPECT_EQ(find(table, "/a/b/c/d"), "long /d");
  EXPECT_EQ(find(table, "/a/b/cd"), "middle /cd");
  EXPECT_EQ(find(table, "/a/x"), "short /x");
}

TEST(RouteTable, TheRootCoversWhatNothingElseDoes) {
  const RouteTable table({{"/", "rest", true}, {"/api", "math", true}});

  EXPECT_EQ(find(table, "/x/y"), "rest /x/y");
  EXPECT_EQ(find(table, "/"), "rest /");
  EXPECT_EQ(find(table, "/api/x"), "math /x");
}

TEST(RouteTable, KnowsNothingOfTargetsThatAreNoPaths) {
  const RouteTable table({{"/", "rest", true}});

  EXPECT_EQ(find(table, "*"), "none");
  EXPECT_EQ(find(table, ""), "none");
}

}  // namespace
}  // namespace fairlead::gateway
