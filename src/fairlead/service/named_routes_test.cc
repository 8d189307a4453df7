// Names that are given as text, as a program registers them.
#include "fairlead/service/named_routes.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/service/app.h"

namespace fairlead::service {
namespace {

using contract::NameStyle;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto nothing = [](rpc::Context&) { return Status(); };

// What announces itself for each route, so that a program can be asked what it serves.
class Routes final : public rpc::Plugin {
 public:
  explicit Routes(std::vector<std::string>& seen) : Plugin("routes"), seen_(seen) {}
  Status post_reg(const rpc::RegisteredRoute& route) override {
    seen_.push_back(std::string(wire::kind_name(route.kind)) + " " + std::string(route.method));
    return {};
  }
  // They are all there: the program need not serve.
  Status post_new_peer(rpc::Peer&) override {
    return Status(Code::kInvalidOperation, "test.enough", "all routes are known");
  }

 private:
  std::vector<std::string>& seen_;
};

class AppNames : public ::testing::Test {
 protected:
  static constexpr const char* kArguments[] = {"test", "--log-level", "off", "--cores", "1"};
  std::vector<std::string> routes() {
    std::vector<std::string> seen;
    EXPECT_TRUE(app.status().ok()) << app.status();
    app.use(Routes(seen));
    EXPECT_EQ(app.run("tcp://127.0.0.1:0"), 1);
    return seen;
  }
  std::string message() const { return std::string(app.status().message()); }

  App app{5, kArguments, "names_test"};
};

TEST_F(AppNames, AreVerbatimWhereNobodySaysMore) {
  app.on_call("AaBb_CcDd", nothing);
  app.group("/v1").on_push("/told", nothing);

  EXPECT_THAT(routes(), ElementsAre("CALL AaBb_CcDd", "PUSH /v1/told"));
}

TEST_F(AppNames, OfTheHttpStyleBecomePaths) {
  app.names(NameStyle::kHttp);
  app.on_call("AaBb_CcDd", nothing).on_push("Told", nothing);
  app.on_push("InOrder", nothing, contract::rules::serial);
  RouteGroup outer = app.group("sub_grp");
  outer.on_call("AaBb_CcDd", nothing);
  outer.group("Inner").on_push("Told", nothing);
  outer.group("").on_call("Beside", nothing);

  EXPECT_THAT(routes(), ElementsAre("CALL /aa_bb/cc_dd", "PUSH /told", "PUSH /in_order",
                                    "CALL /sub/grp/aa_bb/cc_dd", "PUSH /sub/grp/inner/told",
                                    "CALL /sub/grp/beside"));
}

TEST_F(AppNames, OfTheRpcStyleAreJoinedByDots) {
  app.names(NameStyle::kRpc);
  app.on_call("AaBb_CcDd", nothing);
  app.group("sub_grp").on_call("AaBb_CcDd", nothing);

  EXPECT_THAT(routes(), ElementsAre("CALL AaBb.CcDd", "CALL sub.grp.AaBb.CcDd"));
}

TEST_F(AppNames, ThatBeginWithASlashStayAsTheyAre) {
  app.names(NameStyle::kRpc).on_call("/HeartBeat", nothing);
  app.names(NameStyle::kHttp).on_call("/HeartBeat_2", nothing);
  app.group("Sub").on_call("/HeartBeat_3", nothing);

  EXPECT_THAT(routes(),
              ElementsAre("CALL /HeartBeat", "CALL /HeartBeat_2", "CALL /sub/HeartBeat_3"));
}

TEST_F(AppNames, AGroupKeepsTheStyleThatItWasMadeIn) {
  RouteGroup group = app.names(NameStyle::kHttp).group("Sub");
  app.names(NameStyle::kVerbatim);
  group.on_call("AaBb", nothing);
  app.on_call("AaBb", nothing);

  EXPECT_THAT(routes(), ElementsAre("CALL /sub/aa_bb", "CALL AaBb"));
}

// ---- refused at the start

TEST_F(AppNames, ThatAreTheSameMethodAreBothTold) {
  app.names(NameStyle::kHttp).on_call("AaBb", nothing).on_call("Aa__Bb", nothing);

  EXPECT_EQ(app.status().reason(), "route.taken");
  EXPECT_THAT(message(), HasSubstr("'Aa__Bb' and 'AaBb' are names of the same CALL, '/aa_bb'"));
  EXPECT_THAT(message(), HasSubstr("leave one out, or give it another name"));
  EXPECT_EQ(app.run("tcp://127.0.0.1:0"), 1);
}

TEST_F(AppNames, ThatAreTheSameMethodInTwoGroupsAreToldWithTheirGroups) {
  app.names(NameStyle::kHttp);
  app.group("sub_grp").on_push("Told", nothing);
  app.group("Sub_Grp").on_push("told", nothing);

  EXPECT_THAT(message(), HasSubstr("'Sub_Grp + told' and 'sub_grp + Told'"));
  EXPECT_THAT(message(), HasSubstr("PUSH, '/sub/grp/told'"));
}

TEST_F(AppNames, GivenTwiceAreToldWithTheRouteAndWhatToDo) {
  app.on_call("/a", nothing).on_push("/a", nothing).on_call("/a", nothing);

  EXPECT_EQ(app.status().reason(), "route.taken");
  EXPECT_THAT(message(), HasSubstr("the CALL '/a' is served already"));
  EXPECT_THAT(message(), HasSubstr("give it another name"));
}

TEST_F(AppNames, OfNoOrTooManyBytesAreToldWithWhatToDo) {
  app.on_call("", nothing);
  EXPECT_EQ(app.status().reason(), "route.bad_method");
  EXPECT_THAT(message(), HasSubstr("the method '' has 0 bytes: give it a name of 1 to 255"));

  App other(5, kArguments, "names_test");
  other.names(NameStyle::kHttp).group(std::string(200, 'a')).on_call(std::string(55, 'b'), nothing);
  EXPECT_EQ(other.status().reason(), "route.bad_method");
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("has 257 bytes"));
}

TEST_F(AppNames, AMethodOfExactlyTheMostBytesIsServed) {
  app.names(NameStyle::kHttp).group(std::string(199, 'a')).on_call(std::string(54, 'b'), nothing);

  EXPECT_TRUE(app.status().ok()) << app.status();
}

TEST_F(AppNames, ThatMapToNothingAreToldAsTheyWereGiven) {
  app.names(NameStyle::kHttp).on_call("__", nothing);
  EXPECT_EQ(app.status().reason(), "route.bad_method");
  EXPECT_THAT(message(), HasSubstr("the name '__' maps to '/'"));

  App other(5, kArguments, "names_test");
  other.names(NameStyle::kRpc).group("__").on_call("Aa", nothing);
  EXPECT_EQ(other.status().reason(), "route.bad_method");
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("a group: the name '__'"));
}

TEST_F(AppNames, OfTheFrameworkAreRefused) {
  app.on_call("/_fl/mine", nothing);

  EXPECT_EQ(app.status().reason(), "route.reserved");
  EXPECT_THAT(message(), HasSubstr("choose another name than '/_fl/mine'"));
}

struct BadRule {
  std::string text;
};
FL_STRUCT(BadRule, (1, text, regexp("(")))

TEST_F(AppNames, AreToldWhereAnArgumentsRuleIsNoGood) {
  app.on_call("/checked", [](rpc::Context&, BadRule) { return Status(); });

  EXPECT_EQ(app.status().reason(), "contract.bad_pattern");
  EXPECT_THAT(message(), HasSubstr("/checked"));
}

}  // namespace
}  // namespace fairlead::service
