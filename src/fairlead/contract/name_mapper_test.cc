#include "fairlead/contract/name_mapper.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::contract {
namespace {

std::string http(std::string_view name) { return http_style_name({.name = name}); }
std::string rpc(std::string_view name) { return rpc_style_name({.name = name}); }

struct Row {
  std::string_view name;
  std::string_view http;
  std::string_view rpc;
};

TEST(NameMapper, MapsAsTheOriginalDoes) {
  const Row rows[] = {
      {"AaBb", "/aa_bb", "AaBb"},
      {"ABcXYz", "/abc_xyz", "ABcXYz"},
      {"Aa__Bb", "/aa_bb", "Aa_Bb"},
      {"aa__bb", "/aa_bb", "aa_bb"},
      {"ABC__XYZ", "/abc_xyz", "ABC_XYZ"},
      {"Aa_Bb", "/aa/bb", "Aa.Bb"},
      {"aa_bb", "/aa/bb", "aa.bb"},
      {"ABC_XYZ", "/abc/xyz", "ABC.XYZ"},
      {"HTTPServer2", "/httpserver2", "HTTPServer2"},
      {"getID", "/get_id", "getID"},
      {"Get_UserByID", "/get/user_by_id", "Get.UserByID"},
      {"A1B2", "/a1_b2", "A1B2"},
      {"Trail_", "/trail_", "Trail_"},
      {"User__Get_All", "/user_get/all", "User_Get.All"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(http(row.name), row.http) << row.name;
    EXPECT_EQ(rpc(row.name), row.rpc) << row.name;
  }
}

TEST(NameMapper, PutsTheNameUnderItsPrefix) {
  EXPECT_EQ(http_style_name({.prefix = http("sub_grp"), .name = "AaBb_CcDd"}),
            "/sub/grp/aa_bb/cc_dd");
  EXPECT_EQ(rpc_style_name({.prefix = rpc("sub_grp"), .name = "AaBb_CcDd"}), "sub.grp.AaBb.CcDd");
  EXPECT_EQ(http_style_name({.prefix = "a//b/", .name = "C"}), "/a/b/c");
  EXPECT_EQ(http_style_name({.prefix = "/KeptAsItIs", .name = "C"}), "/KeptAsItIs/c");
  EXPECT_EQ(rpc_style_name({.prefix = "..a", .name = "C"}), "a.C");
}

TEST(NameMapper, ResolvesDotsInPaths) {
  EXPECT_EQ(http("a/./b/../c"), "/a/c");
  EXPECT_EQ(http_style_name({.prefix = "/a", .name = "../../../b"}), "/b");
  EXPECT_EQ(http(".."), "/");
}

TEST(NameMapper, MapsANameThatIsNoneToThePrefix) {
  for (const std::string_view name : {"", "_", "__", "_____"}) {
    EXPECT_EQ(http(name), "/") << name;
    EXPECT_EQ(rpc(name), "") << name;
    EXPECT_EQ(http_style_name({.prefix = "/a", .name = name}), "/a") << name;
    EXPECT_EQ(rpc_style_name({.prefix = "A", .name = name}), "A") << name;
  }
}

TEST(NameMapper, TakesUnderscoresWhereverTheyStand) {
  EXPECT_EQ(http("_Aa"), "/aa");
  EXPECT_EQ(http("___Aa"), "/aa");
  EXPECT_EQ(http("Aa___Bb"), "/aa_bb");
  EXPECT_EQ(http("Aa____Bb"), "/aa_bb");
  EXPECT_EQ(http("Aa__"), "/aa_");
  EXPECT_EQ(http("a/_B"), "/a/b");
  EXPECT_EQ(rpc("a_b__c___d_"), "a.b_c_d_");
}

TEST(NameMapper, KeepsBytesThatAreNoAscii) {
  EXPECT_EQ(http("\xc3\x89"
                 "cole_Get"),
            "/\xc3\x89"
            "cole/get");
  EXPECT_EQ(http("\xff"
                 "A"),
            "/\xff_a");
  EXPECT_EQ(rpc("\xe4\xb8\x96_\xff"), "\xe4\xb8\x96.\xff");
}

TEST(NameMapper, HasNoLimitOfItsOwn) {
  const std::string name(300, 'a');
  EXPECT_EQ(http(name), "/" + name);
  EXPECT_EQ(rpc(name), name);
}

TEST(ErpcSnakeCase, KeepsTheUnderscoresOfTheName) {
  EXPECT_EQ(erpc_snake_case("Aa__Bb"), "aa___bb");
  EXPECT_EQ(erpc_snake_case("ABC__XYZ"), "abc__xyz");
  EXPECT_EQ(erpc_snake_case("Aa_Bb"), "aa__bb");
  EXPECT_EQ(erpc_snake_case("HTTPServer2"), "httpserver2");
  EXPECT_EQ(erpc_snake_case(""), "");
}

}  // namespace
}  // namespace fairlead::contract
