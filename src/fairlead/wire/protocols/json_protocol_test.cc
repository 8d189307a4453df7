#include "fairlead/wire/protocols/json_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

using State = Received::State;
constexpr Limits kLimits{};
constexpr std::string_view kHead = R"({"seq":1,"mtype":1,"serviceMethod":"/m","status":"code=0",)"
                                   R"("meta":"","bodyCodec":115,"body":")";

std::string framed(std::string_view text) {
  std::string bytes;
  const std::size_t length = text.size() + 1;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes.append(1, '\0').append(text);
}

// A frame with this text between the quotes of its body.
std::string with_body(std::string_view text, std::string_view codec = "115") {
  std::string head(kHead);
  head.replace(head.find("115"), 3, codec);
  return framed(head.append(text).append("\"}"));
}

std::string body_of(const std::string& bytes) {
  const Received received = JsonProtocol().parse(bytes, kLimits, nullptr);
  if (received.state != State::kMessage) return received.status.to_string();
  EXPECT_EQ(received.message.method, "/m");
  return std::string(received.message.body);
}

std::string reason_of(std::string_view text) {
  const Received received = JsonProtocol().parse(framed(text), kLimits, nullptr);
  EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
  return std::string(received.status.reason());
}

std::string written(std::string_view body, std::string_view method = "/m") {
  Buffer out;
  EXPECT_TRUE(
      JsonProtocol()
          .append(out, {.seq = 1, .body_codec = 's', .method = method}, body, kLimits, nullptr)
          .ok());
  return std::string(out.view().substr(5));
}

TEST(JsonProtocol, WritesKeysInAFixedOrderWithoutBlanks) {
  EXPECT_EQ(written("x"), std::string(kHead) + "x\"}");
}

TEST(JsonProtocol, EscapesABodyThatHoldsQuotesOrBackslashes) {
  EXPECT_EQ(written("say \"hi\"\\\n\x01\x7f"),
            std::string(kHead) + R"(say \"hi\"\\\n\u0001)" + "\x7f\"}");
  EXPECT_EQ(written("\n\x01"), std::string(kHead) + "\n\x01\"}") << "as the original does";
}

TEST(JsonProtocol, EscapesTheOtherTextsAlways) {
  EXPECT_NE(written("x", "/a\"\n\x02\\").find(R"("/a\"\n\u0002\\")"), std::string::npos);
}

TEST(JsonProtocol, RefusesABodyThatIsTooBigOnceItIsEscaped) {
  Limits limits;
  limits.frame_bytes_max = 1000;
  Buffer out;
  const std::string body = "\"" + std::string(300, '\x01');
  const Status status =
      JsonProtocol().append(out, {.seq = 1, .body_codec = 's'}, body, limits, nullptr);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "frame.too_big");
  EXPECT_TRUE(out.empty());
}

TEST(JsonBody, IsReadAsJsonWhenItIsJson) {
  EXPECT_EQ(body_of(with_body(R"(a\"b\\c\n\u00e9\ud83d\ude00\/)")),
            "a\"b\\c\n\xC3\xA9\xF0\x9F\x98\x80/");
  EXPECT_EQ(body_of(with_body(R"(\ud83d)")), "\xEF\xBF\xBD") << "half a pair";
}

// The original escapes only quotes: what else looks like an escape is the body's own.
TEST(JsonBody, IsReadAsTheOriginalWritesItWhenItIsNoJson) {
  EXPECT_EQ(body_of(with_body(R"(back\slash \n)")), R"(back\slash \n)");
  EXPECT_EQ(body_of(with_body(std::string("\0\x01\\\"\\\x80", 6))),
            std::string("\0\x01\"\\\x80", 5));
  EXPECT_EQ(body_of(with_body("ends in \\")), "ends in \\");
  EXPECT_EQ(body_of(with_body("a\x01\\\"")), "a\x01\"");
}

TEST(JsonBody, OfTheOriginalHasNoQuoteWithoutABackslash) {
  for (const std::string_view text : {R"(x","extra":bad)", R"(","y)", R"(\q"x)"}) {
    const std::string bytes = with_body(text);
    EXPECT_EQ(JsonProtocol().parse(bytes, kLimits, nullptr).status.reason(), "frame.bad_layout")
        << text;
  }
}

// What the original makes of {"a":"x\ny"}, {"a":"\"q\""} and {"a":"\\d"}.
TEST(JsonBody, ThatIsJsonTellsItselfWhichReadingWasMeant) {
  EXPECT_EQ(body_of(with_body(R"({\"a\":\"x\ny\"})", "106")), R"({"a":"x\ny"})");
  EXPECT_EQ(body_of(with_body(R"({\"a\":\"\\"q\\"\"})", "106")), R"({"a":"\"q\""})");
  EXPECT_EQ(body_of(with_body(R"({\"a\":\"\\d\"})", "106")), R"({"a":"\\d"})");
  // The same bodies from a peer that escapes as JSON wants it.
  EXPECT_EQ(body_of(with_body(R"({\"a\":\"x\\ny\"})", "106")), R"({"a":"x\ny"})");
  EXPECT_EQ(body_of(with_body(R"({\"a\":\"\\\"q\\\"\"})", "106")), R"({"a":"\"q\""})");
  EXPECT_EQ(body_of(with_body(R"({\n \"a\": 1\n})", "106")), "{\n \"a\": 1\n}");
}

// A body under AES-GCM keeps the codec of what is in it. Read as the original would have meant it,
// this one had sound strings and another text.
TEST(JsonBody, ThatWeSealedIsNoJsonWhateverItsCodecSays) {
  const std::string sealed = "\x01\x02\"\\\"";
  Buffer out;
  const MessageHead head{.seq = 1,
                         .kind = Kind::kCall,
                         .body_codec = 'j',
                         .method = "/m",
                         .metadata = "X-Secure=aes-gcm"};
  const FrameStart start = JsonProtocol().begin(out, head);
  out.append(sealed);
  ASSERT_TRUE(JsonProtocol().finish(out, start, kLimits, nullptr).ok());

  EXPECT_EQ(body_of(std::string(out.view())), sealed);
}

TEST(JsonProtocol, UnderstandsGoQuoting) {
  const Received received = JsonProtocol().parse(
      framed(R"({"seq":1,"mtype":1,"serviceMethod":"/\x1b\a\v\xff\u200b\U0001f600\q"})"), kLimits,
      nullptr);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.method, "/\x1b\a\v\xff\xE2\x80\x8B\xF0\x9F\x98\x80\\q");
}

TEST(JsonProtocol, ReadsKeysInAnyOrderAndSkipsUnknownOnes) {
  const std::string bytes = framed(
      " { \"x\" : {\"a\":[1,-2.5e3,{\"b\":null}],\"c\":\"}\"} , \"body\":\"b\",\"bodyCodec\":115,\n"
      "\"mtype\":3, \"serviceMethod\":\"/m\",\"seq\":-5,\"y\":[],\"z\":{},\"t\":true } \r\n");
  const Received received = JsonProtocol().parse(bytes, kLimits, nullptr);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, -5);
  EXPECT_EQ(received.message.kind, Kind::kPush);
  EXPECT_EQ(received.message.body, "b");
  EXPECT_EQ(received.message.status, "") << "missing texts are empty";
}

TEST(JsonProtocol, TakesTheFirstOfARepeatedKey) {
  const std::string bytes =
      framed(R"({"seq":1,"seq":2,"mtype":1,"mtype":9,"meta":"a","meta":5,"status":null})");
  const Received received = JsonProtocol().parse(bytes, kLimits, nullptr);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, 1);
  EXPECT_EQ(received.message.metadata, "a");
}

TEST(JsonProtocol, RefusesWhatIsNoObjectOfItsKind) {
  for (const std::string_view text : {"",
                                      "[]",
                                      "{",
                                      "{\"seq\"",
                                      "{\"seq\":",
                                      "{\"seq\":1",
                                      "{\"seq\":1,}",
                                      "{\"seq\":1.5}",
                                      "{\"seq\":\"1\"}",
                                      "{\"seq\":9999999999999999999}",
                                      "{seq:1}",
                                      "{\"mtype\":1} x",
                                      "{\"mtype\":1}{}",
                                      "{\"meta\":5}",
                                      "{\"x\":}",
                                      "{\"x\":[1}",
                                      "{\"x\":{\"a\"}}",
                                      "{\"mtype\":1,\"bodyCodec\":256}",
                                      "{\"mtype\":1,\"bodyCodec\":-1}",
                                      "{\"meta\":\"a\\\"}"}) {
    EXPECT_EQ(reason_of(text), "frame.bad_layout") << text;
  }
  EXPECT_EQ(reason_of(R"({"seq":2147483648,"mtype":1})"), "frame.bad_seq");
  EXPECT_EQ(reason_of(R"({"seq":-2147483648,"mtype":1})"), "");
  for (const std::string_view kind : {"0", "6", "-1", "257", "4294967297"}) {
    EXPECT_EQ(reason_of("{\"seq\":1,\"mtype\":" + std::string(kind) + "}"), "frame.bad_kind");
  }
  EXPECT_EQ(reason_of("{}"), "frame.bad_kind");
}

TEST(JsonProtocol, SkipsToADepthOf64) {
  const auto nested = [](std::size_t depth) {
    return "{\"x\":" + std::string(depth, '[') + std::string(depth, ']') + ",\"mtype\":1}";
  };
  EXPECT_EQ(reason_of(nested(65)), "");
  EXPECT_EQ(reason_of(nested(66)), "frame.bad_layout");
  EXPECT_EQ(reason_of(nested(1000000)), "frame.bad_layout");
}

TEST(JsonProtocol, CopiesNothingWithoutEscapes) {
  const std::string bytes = with_body("plain");
  const Received received = JsonProtocol().parse(bytes, kLimits, nullptr);
  EXPECT_FALSE(received.owner.chunk());
  EXPECT_EQ(received.message.body.data(), bytes.data() + bytes.size() - 7);
}

}  // namespace
}  // namespace fairlead::wire
