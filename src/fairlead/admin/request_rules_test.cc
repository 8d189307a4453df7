// Each way by which a page of another site could make a browser change something here.
#include "fairlead/admin/request_rules.h"

#include <gtest/gtest.h>

namespace fairlead::admin {
namespace {

// What `curl --json '{}' http://127.0.0.1:9901/config/reload` sends.
http::Request by_curl() {
  http::Request request;
  request.method = "POST";
  request.authority = "127.0.0.1:9901";
  request.fields.add("User-Agent", "curl/7.88.1");
  request.fields.add("Accept", "application/json");
  request.fields.add("Content-Type", "application/json");
  return request;
}

// What a page of this listener sends by fetch().
http::Request by_own_page() {
  http::Request request = by_curl();
  request.fields.add("Origin", "http://127.0.0.1:9901");
  request.fields.add("Sec-Fetch-Site", "same-origin");
  return request;
}

std::string reason(const http::Request& request) {
  return std::string(check_write(request).reason());
}

TEST(WriteRules, LetWhoeverIsHereIn) {
  EXPECT_TRUE(check_write(by_curl()).ok());
  EXPECT_TRUE(check_write(by_own_page()).ok());
  for (const char* host : {"localhost:9901", "[::1]:9901", "127.0.0.1", "10.1.2.3:9901"}) {
    http::Request request = by_curl();
    request.authority = host;
    EXPECT_TRUE(check_write(request).ok()) << host;
  }
}

TEST(WriteRules, LetInWhatABrowserSendsForItsUser) {
  http::Request request = by_curl();
  request.fields.add("Sec-Fetch-Site", "none");
  EXPECT_TRUE(check_write(request).ok());
}

TEST(WriteRules, RefusePagesOfOtherSites) {
  for (const char* origin :
       {"https://evil.example", "http://127.0.0.1:8080", "http://localhost:9901",
        "https://127.0.0.1:9901", "http://127.0.0.1:9901.evil.example", "null", "http://127.0.0.1",
        ""}) {
    http::Request request = by_curl();
    request.fields.add("Origin", origin);
    EXPECT_EQ(check_write(request).code(), Code::kForbidden) << origin;
    EXPECT_EQ(reason(request), "admin.cross_site") << origin;
  }
}

TEST(WriteRules, RefuseASecondOriginBehindTheirOwn) {
  http::Request request = by_own_page();
  request.fields.add("origin", "https://evil.example");
  EXPECT_EQ(reason(request), "admin.cross_site");
}

// A browser may leave Origin out, and never this field.
TEST(WriteRules, RefuseWhatTheBrowserItselfCallsForeign) {
  for (const char* site : {"cross-site", "same-site", "anything"}) {
    http::Request request = by_curl();
    request.fields.add("Sec-Fetch-Site", site);
    EXPECT_EQ(reason(request), "admin.cross_site") << site;
  }
}

// A form of HTML, an <img>, sendBeacon(), fetch() with no-cors: their types need no leave.
TEST(WriteRules, RefuseWhatAFormCanSend) {
  for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                           "text/plain", "text/plain; application/json", "application/jsonx", ""}) {
    http::Request request = by_curl();
    request.fields.set("Content-Type", type);
    EXPECT_EQ(check_write(request).code(), Code{415}) << type;
    EXPECT_EQ(reason(request), "admin.content_type") << type;
  }
  http::Request bare = by_curl();
  bare.fields.remove("Content-Type");
  EXPECT_EQ(reason(bare), "admin.content_type");
  http::Request twice = by_curl();
  twice.fields.add("Content-Type", "text/plain");
  EXPECT_EQ(reason(twice), "admin.content_type");
}

TEST(WriteRules, TakeJsonHoweverItIsWritten) {
  for (const char* type : {"Application/JSON", "application/json; charset=utf-8"}) {
    http::Request request = by_curl();
    request.fields.set("Content-Type", type);
    EXPECT_TRUE(check_write(request).ok()) << type;
  }
}

// DNS rebinding: the page's own name leads here by now, and for the browser it is its own site.
TEST(WriteRules, RefuseANameThatSomebodysDnsGave) {
  for (const char* host :
       {"evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", ""}) {
    http::Request request = by_curl();
    request.authority = host;
    request.fields.add("Origin", std::string("http://") + host);
    request.fields.add("Sec-Fetch-Site", "same-origin");
    EXPECT_EQ(check_write(request).code(), Code{421}) << host;
    EXPECT_EQ(reason(request), "admin.wrong_host") << host;
  }
}

TEST(WriteRules, AreForEveryMethodThatMayChangeSomething) {
  EXPECT_TRUE(only_reads("GET"));
  EXPECT_TRUE(only_reads("HEAD"));
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "get"}) {
    EXPECT_FALSE(only_reads(method)) << method;
  }
}

}  // namespace
}  // namespace fairlead::admin
