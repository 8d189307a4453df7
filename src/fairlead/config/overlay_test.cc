#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/config/reader.h"

namespace fairlead::config {
namespace {

Document gateway_document() {
  return parse("gateway:\n  listen: :80\n  Body_Max: 1KiB\n  routes:\n  - prefix: /a\n", "a.yaml")
      .value();
}

const Value* at(const Document& document, std::string_view key) {
  return document.root().find("gateway")->find(key);
}

TEST(Overlay, LetsAVariableReplaceAValueOfTheFile) {
  Document document = gateway_document();
  const Environment environment{
      {"FAIRLEAD_GATEWAY__LISTEN", ":81"}, {"FAIRLEAD_GATEWAY__BODY_MAX", "2KiB"}, {"OTHER", "x"}};

  const Status status = document.overlay_environment("FAIRLEAD_", environment);

  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(at(document, "listen")->text(), ":81");
  EXPECT_EQ(at(document, "listen")->place().to_string(),
            "environment variable FAIRLEAD_GATEWAY__LISTEN");
  EXPECT_EQ(at(document, "Body_Max")->text(), "2KiB");
}

TEST(Overlay, LetsAFlagReplaceAVariable) {
  Document document = gateway_document();
  ASSERT_TRUE(
      document.overlay_environment("FAIRLEAD_", {{"FAIRLEAD_GATEWAY__LISTEN", ":81"}}).ok());

  ASSERT_TRUE(document.overlay_flag("gateway.listen=a=b").ok());

  EXPECT_EQ(at(document, "listen")->text(), "a=b");
  EXPECT_EQ(at(document, "listen")->place().to_string(), "flag --set gateway.listen");
}

TEST(Overlay, ReachesAndAppendsItemsOfLists) {
  Document document = gateway_document();

  ASSERT_TRUE(document.overlay_flag("gateway.routes[0].prefix=/x").ok());
  ASSERT_TRUE(document.overlay_flag("gateway.routes.1.prefix=/y").ok());
  ASSERT_TRUE(document.overlay_environment("F_", {{"F_GATEWAY__ROUTES__1__SERVICE", "shop"}}).ok());

  const auto& routes = at(document, "routes")->children();
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0]->find("prefix")->text(), "/x");
  EXPECT_EQ(routes[1]->find("prefix")->text(), "/y");
  EXPECT_EQ(routes[1]->find("service")->text(), "shop");
}

TEST(Overlay, MakesAListWhereItsFirstItemIsSet) {
  Document document("nothing");
  ASSERT_TRUE(document.overlay_flag("tls.certificates.0.key_file=a").ok());
  ASSERT_TRUE(document.overlay_environment("FL_", {{"FL_LISTEN__0", ":1"}}).ok());
  ASSERT_TRUE(document.overlay_flag("listen[1]=:2").ok());

  const Value& listen = *document.root().find("listen");
  EXPECT_EQ(listen.kind(), Value::Kind::kList);
  EXPECT_EQ(listen.children().size(), 2U);
  EXPECT_EQ(document.root().find("tls")->find("certificates")->kind(), Value::Kind::kList);
}

TEST(Overlay, PutsOneValueInThePlaceOfAListOfValues) {
  Document document = parse("listen: [':1', ':2']\ncores: 2\n", "f.yaml").value();

  ASSERT_TRUE(document.overlay_flag("listen=:3").ok());

  EXPECT_EQ(document.root().find("listen")->kind(), Value::Kind::kScalar);
  EXPECT_EQ(document.root().find("listen")->text(), ":3");
}

TEST(Overlay, FillsAnEmptyDocument) {
  Document document("(no file)");
  ASSERT_TRUE(document.overlay_flag("gateway.listen=:80").ok());
  EXPECT_EQ(at(document, "listen")->text(), ":80");
}

TEST(Overlay, RefusesPathsThatDoNotFit) {
  for (const char* setting :
       {"gateway.listen", "=x", "gateway..listen=x", "gateway.listen.port=1", "gateway=x",
        "gateway.routes=x", "gateway.routes[7].prefix=x", "gateway.routes.x=1",
        "gateway.routes[0.prefix=x", "gateway.routes[-1].prefix=x", "gateway.listen=\xFF"}) {
    Document document = gateway_document();
    const Status status = document.overlay_flag(setting);
    EXPECT_EQ(status.code(), Code::kBadMessage) << setting;
    EXPECT_EQ(status.reason(), "config.bad_override") << setting;
    EXPECT_TRUE(status.message().starts_with("flag --set ")) << status;
  }
}

TEST(Overlay, RefusesAPathWithTooManyLevels) {
  Document document("(no file)");
  std::string path = "a";
  for (int i = 0; i < 64; ++i) path += ".a";
  EXPECT_EQ(document.overlay_flag(path + "=1").reason(), "config.bad_override");
}

TEST(Overlay, ReportsAllBadVariablesAtOnce) {
  Document document = gateway_document();
  const Status status = document.overlay_environment(
      "F_", {{"F_GATEWAY", "x"}, {"F_GATEWAY__LISTEN__X", "y"}, {"F_GATEWAY____X", "z"}});
  EXPECT_EQ(std::count(status.message().begin(), status.message().end(), '\n'), 2) << status;
}

TEST(Overlay, GivesUntypedValuesThatReadAsWhateverIsWanted) {
  Document document("(no file)");
  ASSERT_TRUE(document.overlay_flag("number=8080").ok());
  ASSERT_TRUE(document.overlay_flag("text=true").ok());
  std::uint16_t number = 0;
  std::string text;

  ObjectReader reader(document.root());
  reader.required("number", number);
  reader.required("text", text);

  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(number, 8080);
  EXPECT_EQ(text, "true");
}

TEST(SystemEnvironment, HoldsTheVariablesOfTheProcess) {
  ::setenv("FAIRLEAD_OVERLAY_TEST", "a=b", 1);
  EXPECT_EQ(system_environment().at("FAIRLEAD_OVERLAY_TEST"), "a=b");
}

}  // namespace
}  // namespace fairlead::config
