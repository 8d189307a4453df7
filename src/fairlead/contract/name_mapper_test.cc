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

// ---- as handlers are registered

std::string method(NameStyle style, std::string_view prefix, std::string_view name) {
  const Result<std::string> made = method_name(style, {.prefix = prefix, .name = name});
  return made.ok() ? *made : std::string(made.status().reason());
}

TEST(MethodName, IsMappedInItsStyle) {
  EXPECT_EQ(method(NameStyle::kVerbatim, "/v1", "AaBb_CcDd"), "/v1AaBb_CcDd");
  EXPECT_EQ(method(NameStyle::kHttp, "", "AaBb_CcDd"), "/aa_bb/cc_dd");
  EXPECT_EQ(method(NameStyle::kHttp, "/sub/grp", "AaBb_CcDd"), "/sub/grp/aa_bb/cc_dd");
  EXPECT_EQ(method(NameStyle::kRpc, "", "AaBb_CcDd"), "AaBb.CcDd");
  EXPECT_EQ(method(NameStyle::kRpc, "sub.grp", "AaBb_CcDd"), "sub.grp.AaBb.CcDd");
}

TEST(MethodName, APathStaysAsItIsInEveryStyle) {
  for (const NameStyle style : {NameStyle::kVerbatim, NameStyle::kHttp, NameStyle::kRpc}) {
    EXPECT_EQ(method(style, "", "/HeartBeat_1"), "/HeartBeat_1");
    EXPECT_EQ(method(style, "/V_1", "/HeartBeat_1"), "/V_1/HeartBeat_1");
  }
  EXPECT_EQ(method(NameStyle::kHttp, "/V_1/", "/HeartBeat_1"), "/V_1/HeartBeat_1");
  EXPECT_EQ(method(NameStyle::kHttp, "/V_1/", "HeartBeat_1"), "/V_1/heart_beat/1");
}

TEST(MethodName, HalfAPathIsNoNameOfTheRpcStyle) {
  EXPECT_EQ(method(NameStyle::kRpc, "sub.grp", "/path"), "route.bad_method");
  EXPECT_EQ(method(NameStyle::kRpc, "/sub", "AaBb"), "route.bad_method");
}

TEST(MethodName, ANameThatMapsToNothingOfItsOwnIsRefused) {
  for (const std::string_view name : {"", "_", "___", ".", "..", "../other"}) {
    EXPECT_EQ(method(NameStyle::kHttp, "/a", name), "route.bad_method") << name;
  }
  for (const std::string_view name : {"", "_", ".", ".."}) {
    EXPECT_EQ(method(NameStyle::kHttp, "", name), "route.bad_method") << name;
    EXPECT_EQ(method(NameStyle::kRpc, "", name), "route.bad_method") << name;
    EXPECT_EQ(method(NameStyle::kRpc, "A", name), "route.bad_method") << name;
  }
}

TEST(MethodName, ARefusalSaysWhichNameAndWhatToDo) {
  const Status refused = method_name(NameStyle::kHttp, {.prefix = "/shop", .name = "__"}).status();

  EXPECT_EQ(refused.code(), Code::kBadMessage);
  EXPECT_NE(refused.message().find("'__' under '/shop'"), std::string_view::npos) << refused;
  EXPECT_NE(refused.message().find("with letters"), std::string_view::npos) << refused;
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
