// Ugly requests of clients, and what of them reaches a service. Numbered as in the project's list
// of bad inputs (section 2, beyond framing); tests/e2e/http/README.md says which test has the
// numbers that are missing.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fairlead/gateway/testing.h"
#include "tests/testkit/raw_client.h"

namespace fairlead::gateway {
namespace {

class BadGatewayRequests : public testing::GatewayTest {
 protected:
  void SetUp() override {
    spec_.routes = {{"/api", "math", true}, {"/api/inner", "away", true}};
    const auto note = [this](rpc::Context& context) {
      ++served_;
      metadata_ = context.metadata_text();
      context.reply_with('j', Bytes("\"" + std::string(context.method()) + "\""));
      return Status();
    };
    ASSERT_TRUE(router_.add_unknown(wire::Kind::kCall, rpc::make_handler(note)).ok());
    start();
  }
  // All that a client hears until the connection is closed.
  std::string ask(std::string_view method, std::string_view target, std::string_view fields = "",
                  std::string_view body = "") {
    testkit::RawClient client(*core_, address_);
    std::string request(method);
    request.append(" ").append(target).append(" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    if (method == "POST") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(request.append(fields).append("\r\n").append(body));
    return client.wait_for_close();
  }
  // What the service saw as the method of a GET.
  std::string method_of(std::string_view target) {
    const std::string answer = ask("GET", target);
    const std::size_t end = answer.find("\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }
  void expect_refused(const std::string& answer, std::string_view status, std::string_view reason) {
    EXPECT_EQ(answer.substr(9, 3), status) << answer;
    EXPECT_NE(answer.find("\"reason\":\"" + std::string(reason) + "\""), std::string::npos)
        << answer;
    EXPECT_EQ(served_, 0) << "no service has seen it";
  }

  int served_ = 0;
  std::string metadata_;
};

TEST_F(BadGatewayRequests, No1TheServiceGetsThePathDecodedOnce) {
  EXPECT_EQ(method_of("/api/%252e%252e/x"), "\"/%2e%2e/x\"");
  EXPECT_EQ(method_of("/api/%25252f"), "\"/%252f\"");
}

TEST_F(BadGatewayRequests, No2WhatARouteWasFoundForIsWhatTheServiceGets) {
  for (const char* same : {"/api/a/b", "//api//a///b", "/%61pi/a/b", "http://o/api/a/b"}) {
    EXPECT_EQ(method_of(same), "\"/a/b\"") << same;
  }
  EXPECT_EQ(method_of("/api/a;v=1/b"), "\"/a;v=1/b\"");
  EXPECT_EQ(method_of("/api/inner;v=1/b"), "\"/inner;v=1/b\"") << "another segment than /inner";
}

TEST_F(BadGatewayRequests, No2NoSpellingLeadsAroundARoute) {
  for (const char* inner : {"/api/inner/b", "/api//inner/b", "/api/%69nner/b", "//api/inner//b"}) {
    expect_refused(ask("GET", inner), "503", "upstream.no_endpoint");
  }
  for (const char* bad : {"/api/./inner/b", "/api/x/../inner/b", "/api/x/%2e%2e/inner/b",
                          "/api%2finner/b", "/api/inner%2fb", "/api%5cinner/b"}) {
    expect_refused(ask("GET", bad), "400", "http.bad_path");
  }
}

TEST_F(BadGatewayRequests, No4RangesAndNo5CodingsOfTheAnswerEndHere) {
  std::string fields = "Range: bytes=0-0";
  for (int i = 0; i < 999; ++i) fields += ",0-0";
  fields += "\r\nAccept-Encoding: gzip";
  for (int i = 0; i < 9000; ++i) fields += ",gzip";

  const std::string answer = ask("GET", "/api/a", fields + "\r\n");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n\"/a\"")) << answer;
  EXPECT_EQ(answer.find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(metadata_.find("gzip"), std::string::npos);
}

TEST_F(BadGatewayRequests, No6ABodyInACodingIsRefusedBeforeAnyService) {
  for (const char* coding : {"gzip", "deflate", "br", "identity, gzip"}) {
    const std::string answer =
        ask("POST", "/api/a",
            "Content-Type: application/json\r\nContent-Encoding: " + std::string(coding) + "\r\n",
            "\x1f\x8b\x08");
    expect_refused(answer, "415", "http.content_coding");
    EXPECT_NE(answer.find("\r\nAccept-Encoding: identity\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("\r\nAccept: "), std::string::npos) << answer;
  }
}

TEST_F(BadGatewayRequests, No7MultipartIsNotTakenWhetherItEndsOrNot) {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
  for (const std::string& body : {part, part + "--b--\r\n"}) {
    const std::string answer =
        ask("POST", "/api/a", "Content-Type: multipart/form-data; boundary=b\r\n", body);
    expect_refused(answer, "415", "gateway.media_type");
    EXPECT_NE(answer.find("\r\nAccept: application/json, application/x-www-form-urlencoded\r\n"),
              std::string::npos)
        << answer;
    EXPECT_EQ(answer.find("Accept-Encoding"), std::string::npos) << answer;
  }
}

// The policy is to replace: what a client says of who it is never arrives, whatever it is called.
TEST_F(BadGatewayRequests, No13WhoAsksIsToldByTheGatewayAlone) {
  ask("GET", "/api/a?X-Forwarded-For=6.6.6.6&x-real-ip=6.6.6.6",
      "X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\nx-forwarded-for: 6.6.6.6\r\n"
      "X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6;host=evil\r\nX-Real-IP: 6.6.6.6\r\n"
      "Connection: X-Real-IP\r\n");

  EXPECT_EQ(served_, 1);
  EXPECT_TRUE(metadata_.starts_with("X-Real-IP=127.0.0.1&")) << metadata_;
  EXPECT_EQ(metadata_.find("6.6.6.6"), std::string::npos) << metadata_;
  EXPECT_EQ(metadata_.find("evil"), std::string::npos) << metadata_;
}

}  // namespace
}  // namespace fairlead::gateway
