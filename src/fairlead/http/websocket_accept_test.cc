#include "fairlead/http/websocket_accept.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

Request sample_request() {
  Request request;
  request.method = "GET";
  request.target = request.path = "/ws";
  request.authority = "shop.example:8080";
  request.id = "id1";
  request.fields.add("Upgrade", "websocket");
  request.fields.add("Connection", "Upgrade");
  request.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  request.fields.add("Sec-WebSocket-Version", "13");
  return request;
}

class AcceptWebSocket : public ::testing::Test {
 protected:
  Response ask(const Request& request, const WebSocketAcceptOptions& options = {}) {
    return accept_websocket(*core, request, options, [](std::unique_ptr<WebSocket>) {});
  }
  int with_origin(const char* origin, const WebSocketAcceptOptions& options = {}) {
    Request request = sample_request();
    request.fields.add("Origin", origin);
    return ask(request, options).status;
  }
  std::unique_ptr<io::Core> core = io::Core::make().value();
};

TEST_F(AcceptWebSocket, AnswersWith101AndTheKeysAnswer) {
  const Response response = ask(sample_request());
  EXPECT_EQ(response.status, 101);
  EXPECT_TRUE(response.upgrade);
  EXPECT_EQ(response.fields.value_or("Sec-WebSocket-Accept", ""), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(response.fields.value_or("Upgrade", ""), "websocket");
  EXPECT_FALSE(response.fields.find("Sec-WebSocket-Extensions").has_value());
}

TEST_F(AcceptWebSocket, ChoosesTheSubProtocolAndForgetsWindowsUnlessToldOtherwise) {
  Request request = sample_request();
  request.fields.add("Sec-WebSocket-Protocol", "xml, json");
  request.fields.add("Sec-WebSocket-Extensions", "permessage-deflate");
  const Response response = ask(request, {.protocols = {"json"}});
  EXPECT_EQ(response.fields.value_or("Sec-WebSocket-Protocol", ""), "json");
  EXPECT_EQ(response.fields.value_or("Sec-WebSocket-Extensions", ""),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
}

TEST_F(AcceptWebSocket, RefusesWithTheFieldsThatARefusalNeeds) {
  Request post = sample_request();
  post.method = "POST";
  EXPECT_EQ(ask(post).status, 405);
  EXPECT_EQ(ask(post).fields.value_or("Allow", ""), "GET");

  Request plain = sample_request();
  plain.fields.remove("Upgrade");
  const Response response = ask(plain);
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(response.fields.value_or("Upgrade", ""), "websocket");
  EXPECT_EQ(response.fields.value_or("Sec-WebSocket-Version", ""), "13");
  EXPECT_NE(response.body.view().find("\"reason\":\"websocket.no_upgrade\""),
            std::string_view::npos);
  EXPECT_FALSE(response.upgrade);

  Request keyless = sample_request();
  keyless.fields.remove("Sec-WebSocket-Key");
  EXPECT_EQ(ask(keyless).status, 400);
}

// bad-inputs 4, beyond 1.
TEST_F(AcceptWebSocket, Beyond1RefusesPagesOfOtherOriginsWith403) {
  EXPECT_EQ(with_origin("https://evil.example"), 403);
  EXPECT_EQ(with_origin("null"), 403);
  EXPECT_EQ(with_origin("http://shop.example"), 403) << "another port";
  EXPECT_EQ(with_origin("https://xshop.example:8080"), 403);
  EXPECT_EQ(with_origin("http://"), 403);
  EXPECT_EQ(with_origin("https://shop.example:8080"), 101);
  EXPECT_EQ(with_origin("http://SHOP.example:8080"), 101);
}

TEST_F(AcceptWebSocket, TakesListedOriginsOrAny) {
  EXPECT_EQ(with_origin("https://a.example", {.origins = {"https://a.example"}}), 101);
  EXPECT_EQ(with_origin("https://a.example:1", {.origins = {"https://a.example"}}), 403);
  EXPECT_EQ(with_origin("https://evil.example", {.any_origin = true}), 101);
}

TEST_F(AcceptWebSocket, KnowsThePortThatASchemeMeans) {
  Request request = sample_request();
  request.authority = "shop.example";
  request.fields.add("Origin", "https://shop.example:443");
  EXPECT_EQ(ask(request).status, 101);
  request.fields.set("Origin", "https://shop.example:80");
  EXPECT_EQ(ask(request).status, 403);
}

// bad-inputs 4, beyond 2: what is written down of a refusal says nothing of the target.
TEST_F(AcceptWebSocket, Beyond2TellsNoTokenOfTheQuery) {
  Request request = sample_request();
  request.target = "/ws?token=hush";
  request.query = "token=hush";
  request.fields.add("Origin", "https://evil.example");
  const Response response = ask(request);
  EXPECT_EQ(response.body.view().find("hush"), std::string_view::npos);
  EXPECT_EQ(check_websocket_origin(request, {}).to_string().find("hush"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::http
