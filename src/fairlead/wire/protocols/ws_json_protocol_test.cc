#include "fairlead/wire/protocols/ws_json_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

using State = Received::State;
constexpr Limits kLimits{};
// The head and the tail that the original writes around a body.
constexpr std::string_view kHead =
    R"({"seq":1,"mtype":1,"serviceMethod":"/m","meta":"","bodyCodec":115,"body":")";
constexpr std::string_view kTail = R"(","xferPipe":[]})";

std::string around(std::string_view body, std::string_view tail = kTail) {
  return std::string(kHead) + std::string(body) + std::string(tail);
}

Received parsed(std::string_view text) { return WsJsonProtocol().parse(text, kLimits, nullptr); }

std::string reason_of(std::string_view text) {
  const Received received = parsed(text);
  EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
  return std::string(received.status.reason());
}

std::string written(const MessageHead& head, std::string_view body) {
  Buffer out;
  EXPECT_TRUE(WsJsonProtocol().append(out, head, body, kLimits, nullptr).ok());
  return std::string(out.view());
}

TEST(WsJsonProtocol, WritesTheStatusLastAndOnlyOfErrors) {
  EXPECT_EQ(written({.seq = 2, .kind = Kind::kReply, .status = "code=404&msg=a\"b"}, ""),
            R"({"seq":2,"mtype":2,"serviceMethod":"","meta":"","bodyCodec":0,"body":"",)"
            R"("xferPipe":[],"status":"code=404&msg=a\"b"})");
}

TEST(WsJsonProtocol, ReadsKeysInAnyOrderAndSkipsUnknownOnes) {
  const Received received = parsed(
      R"( {"xferPipe" : [ ] ,"x":{"y":[1,"]"]},"body":"b","mtype":3,"status":"code=5","seq":7} )");
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, 7);
  EXPECT_EQ(received.message.kind, Kind::kPush);
  EXPECT_EQ(received.message.status, "code=5");
  EXPECT_EQ(received.message.body, "b");
}

TEST(WsJsonProtocol, ReadsAMissingOrNullListAsNoTransforms) {
  EXPECT_EQ(parsed(around("b", R"("})")).message.body, "b");
  EXPECT_EQ(parsed(around("b", R"(","xferPipe":null})")).message.body, "b");
}

TEST(WsJsonProtocol, RefusesAListThatIsNone) {
  for (const std::string list :
       {"5", "\"g\"", "[256]", "[-1]", "[1.5]", "[\"g\"]", "[1,]", "[1", "[[1]]", "{}"}) {
    EXPECT_EQ(reason_of(around("b", R"(","xferPipe":)" + list + "}")), "frame.bad_layout") << list;
  }
  std::string many = "[1";
  for (int i = 1; i < 255; ++i) many += ",1";
  EXPECT_EQ(parsed(around("b", R"(","xferPipe":)" + many + "]}")).status.reason(),
            "frame.unknown_transform");
  EXPECT_EQ(reason_of(around("b", R"(","xferPipe":)" + many + ",1]}")), "frame.bad_layout");
}

// The original escapes only the quotes of a body: it ends where the list begins.
TEST(WsJsonProtocol, ReadsBodiesThatTheOriginalDidNotEscape) {
  EXPECT_EQ(parsed(around(R"(back\slash \n)")).message.body, R"(back\slash \n)");
  EXPECT_EQ(parsed(around(R"(\\d \"q\" \)")).message.body, R"(\\d "q" \)");
  EXPECT_EQ(parsed(around(R"(\d)", R"(","xferPipe":[]})")).message.body, R"(\d)");
}

// The body of such a frame may end in what looks like a list; the last one counts.
TEST(WsJsonProtocol, TakesTheLastListForTheEndOfSuchABody) {
  const std::string body = R"(\x","xferPipe":[1]})";
  std::string quoted;
  for (const char c : body) quoted += c == '"' ? "\\\"" : std::string(1, c);
  EXPECT_EQ(parsed(around(quoted)).message.body, body);
}

TEST(WsJsonProtocol, RefusesWhatIsNoMessage) {
  EXPECT_EQ(reason_of(""), "frame.bad_layout");
  EXPECT_EQ(reason_of("[]"), "frame.bad_layout");
  EXPECT_EQ(reason_of(R"({"seq":1,"mtype":1} x)"), "frame.bad_layout");
  EXPECT_EQ(reason_of(R"({"seq":1,"mtype":1,"bodyCodec":256})"), "frame.bad_layout");
  EXPECT_EQ(reason_of(R"({"seq":2147483648,"mtype":1})"), "frame.bad_seq");
  EXPECT_EQ(reason_of(R"({"seq":1,"mtype":6})"), "frame.bad_kind");
  EXPECT_EQ(reason_of(R"({"seq":1})"), "frame.bad_kind");
}

}  // namespace
}  // namespace fairlead::wire
