#include "fairlead/wire/protocols/json_v3.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

constexpr Limits kLimits{};

std::string framed(const std::string& payload, const std::string& ids = "") {
  std::string bytes;
  const std::size_t length = payload.size() + ids.size() + 1;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes + static_cast<char>(ids.size()) + ids + payload;
}

Result<V3Message> parsed(const std::string& payload) {
  return parse_json_v3(framed(payload), kLimits, {});
}

std::string reason_of(const std::string& bytes) {
  return std::string(parse_json_v3(bytes, kLimits, {}).status().reason());
}

TEST(JsonV3, ReadsItsKeysInAnyOrder) {
  const auto message = parsed(R"({"body":"{\"a\":1}","uri":"/m?a=b","x":[1],"meta":"k=v",)"
                              R"("body_codec":106,"ptype":2,"seq":"z"})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->seq, "z");
  EXPECT_EQ(message->kind, 2);
  EXPECT_EQ(message->uri, "/m?a=b");
  EXPECT_EQ(message->metadata, "k=v");
  EXPECT_EQ(message->body_codec, 'j');
  EXPECT_EQ(message->body, R"({"a":1})");
}

TEST(JsonV3, DoesNotKnowTheKeysOfToday) {
  const auto message = parsed(R"({"mtype":2,"serviceMethod":"/m","status":1,"bodyCodec":106})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->kind, 0);
  EXPECT_EQ(message->uri, "");
  EXPECT_EQ(message->body_codec, 0);
}

TEST(JsonV3, TakesABodyWithItsBackslashesAsTheyAre) {
  const auto message =
      parsed(R"({"seq":"1","ptype":1,"uri":"/\x61","body_codec":115,"body":"a\q\" c"})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->uri, "/a");
  EXPECT_EQ(message->body, R"(a\q" c)");
}

TEST(JsonV3, RefusesWhatIsNotOneWholeFrame) {
  EXPECT_EQ(reason_of(framed(R"({"seq":"1"})")), "");
  EXPECT_EQ(reason_of(""), "frame.bad_size");
  EXPECT_EQ(reason_of(framed("{}") + "x"), "frame.bad_size");
  EXPECT_EQ(reason_of(framed("{}").substr(0, 6)), "frame.bad_size");
  EXPECT_EQ(reason_of("\xff\xff\xff\xff"), "frame.too_big");
  EXPECT_EQ(reason_of(framed("{}", "q")), "frame.unknown_transform");
}

TEST(JsonV3, RefusesWhatItsFieldsCannotHold) {
  for (const char* payload : {R"({"seq":1})", R"({"ptype":"1"})", R"({"ptype":256})",
                              R"({"ptype":-1})", R"({"body_codec":256})", R"({"uri":5})", "[]"}) {
    EXPECT_EQ(reason_of(framed(payload)), "frame.bad_layout") << payload;
  }
}

}  // namespace
}  // namespace fairlead::wire
