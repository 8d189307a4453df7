#include "fairlead/http/proto/target.h"

#include <gtest/gtest.h>

namespace fairlead::http::proto {
namespace {

Refusal refusal_of(std::string_view method, std::string_view target) {
  Target parts;
  return parse_target(method, target, parts);
}

TEST(Target, KnowsItsFourForms) {
  Target parts;
  ASSERT_EQ(parse_target("GET", "/a%20b?c=d?e", parts), Refusal::kNone);
  EXPECT_EQ(parts.form, TargetForm::kOrigin);
  EXPECT_EQ(parts.path, "/a%20b");
  EXPECT_EQ(parts.query, "c=d?e");

  ASSERT_EQ(parse_target("GET", "HTTPS://[::1]:8443/x", parts), Refusal::kNone);
  EXPECT_EQ(parts.form, TargetForm::kAbsolute);
  EXPECT_EQ(parts.authority, "[::1]:8443");
  EXPECT_EQ(parts.path, "/x");
  EXPECT_FALSE(parts.has_query);

  ASSERT_EQ(parse_target("CONNECT", "host:443", parts), Refusal::kNone);
  EXPECT_EQ(parts.form, TargetForm::kAuthority);

  ASSERT_EQ(parse_target("OPTIONS", "*", parts), Refusal::kNone);
  EXPECT_EQ(parts.form, TargetForm::kAsterisk);
}

TEST(Target, RefusesWhatIsNone) {
  for (const char* bad :
       {"echo", "*", "/a#b", "/a\\b", "/a<b>", "/\xC3\xA9", "/a?\xFF", "ftp://h/x", "http://",
        "http:///x", "http://u@h/", "http://[::1/x", "http://h:99999/", "http:/x"}) {
    EXPECT_EQ(refusal_of("GET", bad), Refusal::kBadTarget) << bad;
  }
  for (const char* bad : {"/x", "host", "[::1]", "host:x", "host:"}) {
    EXPECT_EQ(refusal_of("CONNECT", bad), Refusal::kBadTarget) << bad;
  }
}

TEST(Target, LetsPassWhatBrowsersSendUnescaped) {
  EXPECT_EQ(refusal_of("GET", "/a[1]|b?q={\"a\":[1]}|^`\\<>"), Refusal::kNone);
}

std::string plain(std::string_view path) {
  std::string out;
  return normalize_path(path, out) == Refusal::kNone ? out : "refused";
}

TEST(PathRule, DecodesExactlyOnce) {
  EXPECT_EQ(plain("/a%20b/%7Euser"), "/a b/~user");
  EXPECT_EQ(plain("/%2561"), "/%61");
  EXPECT_EQ(plain("/%C3%A9;v=1"), "/\xC3\xA9;v=1");
}

TEST(PathRule, MakesRunsOfSlashesOne) {
  EXPECT_EQ(plain("//a///b//"), "/a/b/");
  EXPECT_EQ(plain("/"), "/");
}

TEST(PathRule, RefusesWhatReadsDifferentlyBehindUs) {
  for (const char* bad :
       {"/a%2fb",      "/a%2Fb", "/a%5Cb",  "/a%00",  "/a%0d%0a", "/%7F",    "/%",
        "/%2",         "/%zz",   "/.",      "/..",    "/./a",     "/a/../b", "/a/..",
        "/%2e%2e/etc", "/a/%2E", "/.%2e/b", "//../x", "a",        ""}) {
    EXPECT_EQ(plain(bad), "refused") << bad;
  }
  EXPECT_EQ(plain("/.a/..b/c../..."), "/.a/..b/c../...") << "dots inside names are names";
}

TEST(PathRule, IsUndoneByEscaping) {
  for (const char* path : {"/a b/~user", "/%61", "/\xC3\xA9;v=1", "/[x]?|#\""}) {
    std::string escaped;
    append_escaped_path(escaped, path);
    EXPECT_EQ(plain(escaped), path);
    EXPECT_EQ(refusal_of("GET", escaped), Refusal::kNone) << escaped;
  }
}

TEST(Query, ReadsPairsInOrder) {
  const auto pairs = parse_query("a=1&b=x%20y+z&&c&=d&e=f=g");
  ASSERT_TRUE(pairs.ok());
  ASSERT_EQ(pairs->size(), 5U);
  EXPECT_EQ((*pairs)[1].name, "b");
  EXPECT_EQ((*pairs)[1].value, "x y z");
  EXPECT_EQ((*pairs)[2].name, "c");
  EXPECT_EQ((*pairs)[2].value, "");
  EXPECT_EQ((*pairs)[3].name, "");
  EXPECT_EQ((*pairs)[4].value, "f=g");
  EXPECT_TRUE(parse_query("")->empty());
}

TEST(Query, RefusesBadEscapesAndTooManyPairs) {
  for (const char* bad : {"a=%", "a=%4", "%zz=1"}) {
    EXPECT_EQ(parse_query(bad).status().reason(), "http.bad_query") << bad;
  }
  EXPECT_TRUE(parse_query("a&b", 2).ok());
  EXPECT_EQ(parse_query("a&b&c", 2).status().reason(), "http.bad_query");
  EXPECT_EQ(parse_query("a&b&c", 2).status().code(), Code::kBadMessage);
}

}  // namespace
}  // namespace fairlead::http::proto
