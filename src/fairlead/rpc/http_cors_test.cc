#include "fairlead/rpc/http_cors.h"

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

http::Fields fields(std::initializer_list<http::Field> list) {
  http::Fields made;
  for (const http::Field& field : list) made.add(field.name, field.value);
  return made;
}

// The fields as lines.
std::string answered(const CorsOptions& options, std::string_view method,
                     const http::Fields& request) {
  std::vector<http::Field> out;
  std::string age;
  append_cors_fields(out, options, method, request, "GET, POST", age);
  std::string text;
  for (const http::Field& field : out)
    text.append(field.name).append("=").append(field.value) += ';';
  return text;
}

const http::Fields kFromApp = fields({{"Origin", "https://app.example"}});

TEST(Cors, IsOffUnlessOriginsAreNamed) {
  EXPECT_EQ(answered({}, "POST", kFromApp), "");
  EXPECT_EQ(answered({}, "OPTIONS",
                     fields({{"Origin", "https://app.example"},
                             {"Access-Control-Request-Method", "POST"}})),
            "");
}

TEST(Cors, LetsNamedOriginsRead) {
  EXPECT_EQ(answered({.origins = {"https://app.example"}}, "POST", kFromApp),
            "Vary=Origin;Access-Control-Allow-Origin=https://app.example;"
            "Access-Control-Expose-Headers=X-Request-Id;");
}

TEST(Cors, SaysNothingToOthersButThatItDepends) {
  const CorsOptions options{.origins = {"https://app.example"}};

  for (const char* origin : {"https://app.example.evil", "http://app.example", "null", ""}) {
    EXPECT_EQ(answered(options, "POST", fields({{"Origin", origin}})), "Vary=Origin;") << origin;
  }
  EXPECT_EQ(answered(options, "POST", {}), "Vary=Origin;");
}

TEST(Cors, AnyOriginNeedsNoVary) {
  EXPECT_EQ(answered({.origins = {"*"}}, "GET", kFromApp),
            "Access-Control-Allow-Origin=*;Access-Control-Expose-Headers=X-Request-Id;");
}

TEST(Cors, APreflightIsToldWhatMayBeSent) {
  const http::Fields asks = fields({{"Origin", "https://app.example"},
                                    {"Access-Control-Request-Method", "POST"},
                                    {"Access-Control-Request-Headers", "content-type, x-tenant"}});

  EXPECT_EQ(answered({.origins = {"https://app.example"}, .credentials = true, .max_age = 1min},
                     "OPTIONS", asks),
            "Vary=Origin;Access-Control-Allow-Origin=https://app.example;"
            "Access-Control-Allow-Credentials=true;Access-Control-Allow-Methods=GET, POST;"
            "Access-Control-Allow-Headers=content-type, x-tenant;Access-Control-Max-Age=60;");
}

TEST(Cors, APreflightWithFieldsThatAreNoNamesGetsNone) {
  const http::Fields asks = fields({{"Origin", "https://app.example"},
                                    {"Access-Control-Request-Method", "POST"},
                                    {"Access-Control-Request-Headers", "a b"}});

  EXPECT_EQ(answered({.origins = {"*"}}, "OPTIONS", asks).find("Allow-Headers"), std::string::npos);
}

TEST(CorsOptions, RefusesWhatMakesNoSense) {
  EXPECT_TRUE(CorsOptions{}.validate().ok());
  EXPECT_TRUE((CorsOptions{.origins = {"*"}}).validate().ok());
  EXPECT_TRUE(
      (CorsOptions{.origins = {"http://a:1", "https://b"}, .credentials = true}).validate().ok());
  const auto refused = [](const CorsOptions& options) {
    return options.validate().reason() == "http_calls.bad_option";
  };
  EXPECT_TRUE(refused({.origins = {"*"}, .credentials = true}));
  EXPECT_TRUE(refused({.origins = {"*", "https://b"}}));
  EXPECT_TRUE(refused({.origins = {"b.example"}}));
  EXPECT_TRUE(refused({.origins = {"https://b/"}}));
  EXPECT_TRUE(refused({.max_age = -1s}));
}

}  // namespace
}  // namespace fairlead::rpc
