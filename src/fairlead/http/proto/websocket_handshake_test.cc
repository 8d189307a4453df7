#include "fairlead/http/proto/websocket_handshake.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::http::proto {
namespace {

const std::string kStart = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n";
const std::string kAsks = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
const std::string kVersion13 = "Sec-WebSocket-Version: 13\r\n";
// RFC 6455 section 1.3.
const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kAnswer = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct Outcome {
  int code = 0;
  std::string reason;
  std::string head;  // of the 101, or the fields of the refusal
};
Outcome ask(const std::string& text, const WebSocketServerOptions& options = {}) {
  const std::string whole = text + "\r\n";  // the head's views point into it
  RequestHeadParser parser;
  EXPECT_EQ(parser.parse(whole), ParseState::kDone) << text;
  const auto accept =
      check_websocket_request(parser.head().method, parser.head().minor, parser.fields(), options);
  Buffer out;
  HeadWriter writer(out);
  const FieldSink sink = [&](std::string_view name, std::string_view value) {
    writer.field(name, value);
  };
  if (accept.ok()) {
    writer.status_line(101);
    give_websocket_accept(*accept, sink);
  } else {
    give_websocket_refusal_fields(accept.status(), sink);
  }
  EXPECT_TRUE(writer.finish().ok());
  const Status status = accept.ok() ? Status() : accept.status();
  return {static_cast<int>(status.code()), std::string(status.reason()), std::string(out.view())};
}

WebSocketRequest sample_request() {
  WebSocketRequest request;
  request.host = "a";
  request.key = "dGhlIHNhbXBsZSBub25jZQ==";
  request.protocols = {"chat", "superchat"};
  return request;
}

// What a client makes of an answer: its reason, or the sub-protocol.
std::string answered(const std::string& text) {
  const std::string whole = text + "\r\n";
  ResponseHeadParser parser;
  EXPECT_EQ(parser.parse(whole, false), ParseState::kDone) << text;
  const auto reply = check_websocket_reply(parser.head(), parser.fields(), sample_request());
  return reply.ok() ? "ok " + reply->protocol : std::string(reply.status().reason());
}

TEST(WebSocketHandshake, AnswersTheExampleOfTheStandard) {
  const Outcome outcome = ask(kStart + kAsks + kKey +
                                  "Origin: http://example.com\r\n"
                                  "Sec-WebSocket-Protocol: chat, superchat\r\n" +
                                  kVersion13,
                              {.protocols = {"superchat", "chat"}});
  EXPECT_EQ(outcome.head,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
                kAnswer + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
      << "the client's order counts";
}

TEST(WebSocketHandshake, ReadsNamesAndTokensInAnyCaseAndLists) {
  const std::string fields =
      "uPGRADE: h2c, WebSocket\r\nconnection: keep-alive\r\nConnection: UPGRADE\r\n";
  EXPECT_EQ(ask(kStart + fields + kKey + kVersion13).code, 0);
}

TEST(WebSocketHandshake, AgreesOnDeflateOnlyWhereItIsOfferedAndOn) {
  const std::string text = kStart + kAsks + kKey + kVersion13;
  const std::string offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  EXPECT_NE(ask(text + offer).head.find(offer), std::string::npos);
  EXPECT_EQ(ask(text).head.find("Extensions"), std::string::npos);
  EXPECT_EQ(ask(text + offer, {.deflate = std::nullopt}).head.find("Extensions"),
            std::string::npos);
  EXPECT_EQ(ask(text + "Sec-WebSocket-Extensions: a b\r\n").reason, "websocket.bad_extension");
}

TEST(WebSocketHandshake, RefusesOtherMethodsWith405) {
  const std::string text = "POST / HTTP/1.1\r\nHost: a\r\n" + kAsks + kKey + kVersion13;
  const Outcome outcome = ask(text);
  EXPECT_EQ(outcome.code, 405);
  EXPECT_EQ(outcome.reason, "websocket.method");
  EXPECT_EQ(outcome.head, "Allow: GET\r\n\r\n");
}

TEST(WebSocketHandshake, RefusesPlainRequestsAndOtherVersionsWith426) {
  const std::string fields = kAsks + kVersion13 + "\r\n";
  for (const char* asks : {"", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                           "Upgrade: h2c\r\nConnection: Upgrade\r\n",
                           "Upgrade: websocket\r\nConnection: keep-alive\r\n"}) {
    const Outcome outcome = ask(kStart + asks + kKey + kVersion13);
    EXPECT_EQ(outcome.code, 426) << asks;
    EXPECT_EQ(outcome.reason, "websocket.no_upgrade") << asks;
    EXPECT_EQ(outcome.head, fields) << asks;
  }
  for (const char* version : {"8", "99", "0", "12"}) {
    const Outcome outcome =
        ask(kStart + kAsks + kKey + "Sec-WebSocket-Version: " + version + "\r\n");
    EXPECT_EQ(outcome.code, 426) << version;
    EXPECT_EQ(outcome.reason, "websocket.version") << version;
    EXPECT_EQ(outcome.head, fields) << version;
  }
}

TEST(WebSocketHandshake, RefusesMalformedRequestsWith400) {
  const std::string start = kStart + kAsks;
  const auto reason = [](const std::string& text) {
    const Outcome outcome = ask(text);
    EXPECT_EQ(outcome.code, 400) << text;
    EXPECT_EQ(outcome.head, "\r\n") << text;
    return outcome.reason;
  };
  EXPECT_EQ(reason(start + kKey), "websocket.bad_version");
  EXPECT_EQ(reason(start + kKey + kVersion13 + kVersion13), "websocket.bad_version");
  EXPECT_EQ(reason(start + kKey + "Sec-WebSocket-Version: x\r\n"), "websocket.bad_version");
  EXPECT_EQ(reason("GET / HTTP/1.0\r\nHost: a\r\n" + kAsks + kKey + kVersion13),
            "websocket.bad_version");
  EXPECT_EQ(reason(start + kVersion13), "websocket.bad_key");
  EXPECT_EQ(reason(start + kVersion13 + kKey + kKey), "websocket.bad_key");
  for (const char* key :
       {"", "abc", "!!!!!!!!!!!!!!!!!!!!!!==", "dGhlIHNhbXBsZSBub25jZQ",
        "AQIDBAUGBwgJCgsMDQ4PEBE=", "____________________-w==", "AQIDBAUGBwgJCgsMDQ4PE_=="}) {
    EXPECT_EQ(reason(start + kVersion13 + "Sec-WebSocket-Key: " + key + "\r\n"),
              "websocket.bad_key")
        << key;
  }
  EXPECT_EQ(reason(start + kKey + kVersion13 + "Sec-WebSocket-Protocol: a, b c\r\n"),
            "websocket.bad_protocol");
  EXPECT_EQ(reason(start + kKey + kVersion13 + "Content-Length: 1\r\n"), "websocket.has_body");
  EXPECT_EQ(reason(start + kKey + kVersion13 + "Transfer-Encoding: chunked\r\n"),
            "websocket.has_body");
  EXPECT_EQ(ask(start + kKey + kVersion13 + "Content-Length: 0\r\n").code, 0);
}

// The standard's own example has bits behind its last byte.
TEST(WebSocketHandshake, TakesTheKeyThatTheStandardShows) {
  const std::string key = "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==\r\n";
  EXPECT_EQ(ask(kStart + kAsks + key + kVersion13).code, 0);
}

TEST(WebSocketHandshake, AsksAsItsOwnServerWantsIt) {
  WebSocketRequest request = sample_request();
  request.target = "/chat?a=b";
  Buffer out;
  HeadWriter writer(out);
  write_websocket_request(request, writer);
  ASSERT_TRUE(writer.finish().ok());
  std::string asked(out.view());
  asked.resize(asked.size() - 2);  // ask() adds the empty line

  const Outcome outcome = ask(asked, {.protocols = {"superchat"}});

  ASSERT_EQ(outcome.code, 0) << outcome.reason;
  EXPECT_EQ(answered(outcome.head.substr(0, outcome.head.size() - 2)), "ok superchat");
}

TEST(WebSocketHandshake, MakesAKeyOfSixteenBytes) {
  std::array<char, 16> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i + 1);
  EXPECT_EQ(websocket_key(bytes), "AQIDBAUGBwgJCgsMDQ4PEA==");
}

TEST(WebSocketHandshake, RefusesAnswersThatDoNotOpenTheConnection) {
  const std::string start = "HTTP/1.1 101 Switching Protocols\r\n";
  const std::string accept = "Sec-WebSocket-Accept: " + kAnswer + "\r\n";
  EXPECT_EQ(answered(start + kAsks + accept), "ok ");
  EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n" + kAsks + accept), "websocket.not_switched");
  EXPECT_EQ(answered(start + "Connection: Upgrade\r\n" + accept), "websocket.no_upgrade");
  EXPECT_EQ(answered(start + "Upgrade: websocket\r\n" + accept), "websocket.no_upgrade");
  EXPECT_EQ(answered(start + kAsks), "websocket.bad_accept");
  EXPECT_EQ(answered(start + kAsks + accept + accept), "websocket.bad_accept");
  EXPECT_EQ(answered(start + kAsks + "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "websocket.bad_accept");
  const std::string protocol = "Sec-WebSocket-Protocol: ";
  EXPECT_EQ(answered(start + kAsks + accept + protocol + "other\r\n"), "websocket.bad_protocol");
  EXPECT_EQ(answered(start + kAsks + accept + protocol + "chat, superchat\r\n"),
            "websocket.bad_protocol");
  EXPECT_EQ(answered(start + kAsks + accept + protocol + "chat\r\n" + protocol + "chat\r\n"),
            "websocket.bad_protocol");
  EXPECT_EQ(answered(start + kAsks + accept + "Sec-WebSocket-Extensions: x\r\n"),
            "websocket.bad_extension");
}

}  // namespace
}  // namespace fairlead::http::proto
