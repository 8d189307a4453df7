#include "fairlead/wire/protocols/ws_pb_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

using State = Received::State;
using namespace std::string_literals;
constexpr Limits kLimits{};

Received parsed(std::string_view bytes) { return WsPbProtocol().parse(bytes, kLimits, nullptr); }

std::string reason_of(std::string_view bytes) {
  const Received received = parsed(bytes);
  EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
  return std::string(received.status.reason());
}

std::string written(const MessageHead& head, std::string_view body) {
  Buffer out;
  EXPECT_TRUE(WsPbProtocol().append(out, head, body, kLimits, nullptr).ok());
  return std::string(out.view());
}

TEST(WsPbProtocol, WritesTheStatusAsFieldEightAndOnlyOfErrors) {
  EXPECT_EQ(written({.seq = 2, .kind = Kind::kReply, .status = "code=404"}, "b"),
            "\x08\x02\x10\x02\x32\x01"
            "b\x42\x08"
            "code=404");
  EXPECT_EQ(written({.seq = 2, .kind = Kind::kReply, .status = "code=0"}, ""), "\x08\x02\x10\x02");
}

TEST(WsPbProtocol, TakesTheLastOfARepeatedFieldAndSkipsUnknownOnes) {
  const std::string bytes =
      "\x42\x01s\x08\x01\x08\x02\x4a\x03xyz\x10\x03\x32\x01"
      "a\x32\x01z"s;
  const Received received = parsed(bytes);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, 2);
  EXPECT_EQ(received.message.kind, Kind::kPush);
  EXPECT_EQ(received.message.status, "s");
  EXPECT_EQ(received.message.body, "z");
  EXPECT_EQ(received.message.body.data(), bytes.data() + bytes.size() - 1) << "no copy";
}

TEST(WsPbProtocol, WritesBodiesBehindALengthOfAnySize) {
  for (const std::size_t size : {1UL, 127UL, 128UL, 16384UL}) {
    const std::string body(size, 'b');
    const std::string bytes = written({.seq = 1, .method = "/m", .status = "code=5"}, body);
    EXPECT_EQ(parsed(bytes).message.body, body);
    EXPECT_EQ(parsed(bytes).message.status, "code=5");
  }
}

TEST(WsPbProtocol, RefusesWhatIsNoMessage) {
  EXPECT_EQ(reason_of(""), "frame.bad_kind");
  EXPECT_EQ(reason_of("\x08\x01\x10\x06"), "frame.bad_kind");
  EXPECT_EQ(reason_of("\x08\x01\x10\x01\x28\x80\x02"s), "frame.bad_layout") << "codec 256";
  EXPECT_EQ(reason_of("\x08\x01\x10\x01\x32\x05"s), "frame.bad_layout") << "body passes the end";
  EXPECT_EQ(reason_of("\x0a\x01\x01"), "frame.bad_layout") << "seq is a text";
  EXPECT_EQ(reason_of("\x10\x01\x3a\x80\x02"s + std::string(256, 'g')), "frame.bad_layout");
}

}  // namespace
}  // namespace fairlead::wire
