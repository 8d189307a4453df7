#include <gtest/gtest.h>

#include "fairlead/config/document.h"

namespace fairlead::config {
namespace {

const Environment kVariables{{"HOST", "h1"}, {"EMPTY", ""}, {"PORT_2", "82"}};

Result<Document> parse_with_variables(std::string_view text) {
  return parse(text, "a.yaml", {.variables = &kVariables});
}

std::string expanded(std::string_view text) {
  const auto document = parse_with_variables(std::string("a: ").append(text));
  if (!document.ok()) return document.status().to_string();
  return std::string(document->root().find("a")->text());
}

TEST(Variables, AreReplacedInValues) {
  EXPECT_EQ(expanded("${HOST}"), "h1");
  EXPECT_EQ(expanded("\"http://${HOST}:${PORT_2}/x\""), "http://h1:82/x");
  EXPECT_EQ(expanded("${EMPTY}"), "");
}

TEST(Variables, FallBackToTheirDefaultWhenUnsetOrEmpty) {
  EXPECT_EQ(expanded("${NOPE:-x:-y}"), "x:-y");
  EXPECT_EQ(expanded("${EMPTY:-x}"), "x");
  EXPECT_EQ(expanded("a${NOPE:-}b"), "ab");
  EXPECT_EQ(expanded("${HOST:-x}"), "h1");
}

TEST(Variables, LeaveOtherDollarsAlone) {
  EXPECT_EQ(expanded("$HOST $5 $$"), "$HOST $5 $$");
  EXPECT_EQ(expanded("$${HOST}"), "${HOST}");
  EXPECT_EQ(parse("a: ${HOST}", "a.yaml")->root().find("a")->text(), "${HOST}");
}

TEST(Variables, ThatAreMissingAreAllNamedWithTheirPlaces) {
  const Status status = parse_with_variables("a: ${ONE}\nb: [x, '${TWO}']\n").status();
  EXPECT_EQ(status.code(), Code::kBadMessage);
  EXPECT_EQ(status.reason(), "config.missing_variable");
  EXPECT_NE(status.message().find("a.yaml:1:4: environment variable ONE"), std::string_view::npos);
  EXPECT_NE(status.message().find("a.yaml:2:8: environment variable TWO"), std::string_view::npos);
}

TEST(Variables, ThatAreBadlyWrittenAreRefused) {
  for (const char* text :
       {"a: ${", "a: ${HOST", "a: ${}", "a: ${1X}", "a: '${A B}'", "a: ${:-x}"}) {
    EXPECT_EQ(parse_with_variables(text).status().reason(), "config.bad_variable") << text;
  }
}

TEST(Variables, CannotBlowUpTheDocument) {
  const Environment variables{{"X", std::string(1000, 'x')}};
  const auto document =
      parse("a: ${X}${X}\nb: ${X}\n", "a.yaml", {.text_bytes_max = 2500, .variables = &variables});
  EXPECT_EQ(document.status().code(), Code::kTooLarge);
  EXPECT_EQ(document.status().reason(), "config.too_big");
}

}  // namespace
}  // namespace fairlead::config
