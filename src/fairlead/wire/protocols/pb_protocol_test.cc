#include "fairlead/wire/protocols/pb_protocol.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

using State = Received::State;
using namespace std::string_literals;
constexpr Limits kLimits{};

std::string framed(const std::string& payload) {
  std::string bytes;
  const std::size_t length = payload.size() + 1;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes + '\0' + payload;
}

Received parsed(const std::string& bytes) { return PbProtocol().parse(bytes, kLimits, nullptr); }

std::string reason_of(const std::string& payload) {
  const Received received = parsed(framed(payload));
  EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
  return std::string(received.status.reason());
}

std::string written(const MessageHead& head, std::string_view body) {
  Buffer out;
  EXPECT_TRUE(PbProtocol().append(out, head, body, kLimits, nullptr).ok());
  return std::string(out.view().substr(5));
}

TEST(PbProtocol, LeavesOutWhatIsZeroOrEmpty) {
  EXPECT_EQ(written({.seq = 0, .kind = Kind::kCall}, ""),
            "\x10\x01\x22\x06"
            "code=0");
}

TEST(PbProtocol, WritesBodiesBehindALengthOfAnySize) {
  for (const std::size_t size : {1UL, 127UL, 128UL, 16383UL, 16384UL, 2097152UL}) {
    const std::string body(size, 'b');
    Buffer out;
    ASSERT_TRUE(PbProtocol().append(out, {.seq = 1, .method = "/m"}, body, kLimits, nullptr).ok());
    const Received received = PbProtocol().parse(out.view(), kLimits, nullptr);
    ASSERT_EQ(received.state, State::kMessage) << received.status;
    EXPECT_EQ(received.message.body, body);
    EXPECT_EQ(received.message.body.data() + size, out.view().data() + out.size()) << "no copy";
  }
}

TEST(PbProtocol, TakesTheLastOfARepeatedField) {
  const std::string bytes = framed(
      "\x08\x01\x08\x02\x10\x03\x10\x01\x1a\x01"
      "a\x1a\x01"
      "b\x3a\x01"
      "x\x3a\0"s);
  const Received received = parsed(bytes);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, 2);
  EXPECT_EQ(received.message.kind, Kind::kCall);
  EXPECT_EQ(received.message.method, "b");
  EXPECT_EQ(received.message.body, "");
}

TEST(PbProtocol, ReadsFieldsInAnyOrderAndSkipsUnknownOnes) {
  const std::string bytes = framed(
      "\x3a\x01"
      "b\x40\x05\x49"
      "12345678\x52\x02hi\x5d"
      "1234"
      "\x63\x08\x01\x6b\x6c\x64\x10\x01\x08\x07"s);
  const Received received = parsed(bytes);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, 7);
  EXPECT_EQ(received.message.body, "b");
}

TEST(PbProtocol, ReadsNumbersAsTheirLow32Bits) {
  const Received received = parsed(framed("\x10\x01\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s));
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.seq, -1);
  EXPECT_EQ(parsed(framed("\x10\x01\x08\xff\xff\xff\xff\x0f"s)).message.seq, -1);
}

TEST(PbProtocol, RefusesWhatIsNoMessageOfItsKind) {
  for (const std::string& payload :
       {"\x08"s, "\x08\x80"s, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,
        "\x0a\x01"
        "1"s,
        "\x18\x01"s,
        "\x1a\x05"
        "abc"s,
        "\x1a\xff\xff\xff\xff\x0f"
        "abc"s,
        "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "\x07"s, "\x46"s, "\x44"s, "\x00\x01"s,
        "\x49"
        "1234567"s,
        "\x5d"
        "123"s,
        "\x63\x6c"s, "\x63"s, "\x30\x80\x02\x10\x01"s, "\x80\x80\x80\x80\x80\x80\x01\x01"s}) {
    EXPECT_EQ(reason_of(payload), "frame.bad_layout") << testing::PrintToString(payload);
  }
  for (const std::string& payload :
       {""s, "\x08\x01"s, "\x10\x06"s, "\x10\x81\x02"s, "\x10\xff\xff\xff\xff\x0f"s}) {
    EXPECT_EQ(reason_of(payload), "frame.bad_kind") << testing::PrintToString(payload);
  }
}

TEST(PbProtocol, SkipsGroupsToADepthOf64) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '\x43') + std::string(depth, '\x44') + "\x10\x01";
  };
  EXPECT_EQ(reason_of(nested(64)), "");
  EXPECT_EQ(reason_of(nested(65)), "frame.bad_layout");
  EXPECT_EQ(reason_of(nested(1000000)), "frame.bad_layout");
}

}  // namespace
}  // namespace fairlead::wire
