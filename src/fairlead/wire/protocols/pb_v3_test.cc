#include "fairlead/wire/protocols/pb_v3.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

using namespace std::string_literals;
constexpr Limits kLimits{};

std::string framed(const std::string& payload, const std::string& ids = "") {
  return "\0\0\0"s + static_cast<char>(payload.size() + ids.size() + 1) +
         static_cast<char>(ids.size()) + ids + payload;
}

std::string reason_of(const std::string& bytes) {
  return std::string(parse_pb_v3(bytes, kLimits, {}).status().reason());
}

TEST(PbV3, ReadsItsFieldsInAnyOrder) {
  const auto message = parse_pb_v3(
      framed("\x32\x02hi\x28\x73\x22\x03k=v\x1a\x02/m\x10\x03\x0a\x01z\x3a\x01?"s), kLimits, {});
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->seq, "z");
  EXPECT_EQ(message->kind, 3);
  EXPECT_EQ(message->uri, "/m");
  EXPECT_EQ(message->metadata, "k=v");
  EXPECT_EQ(message->body_codec, 's');
  EXPECT_EQ(message->body, "hi");
}

TEST(PbV3, RefusesWhatIsNotOneWholeFrame) {
  EXPECT_EQ(reason_of(framed("")), "");
  EXPECT_EQ(reason_of(""), "frame.bad_size");
  EXPECT_EQ(reason_of(framed("") + "x"), "frame.bad_size");
  EXPECT_EQ(reason_of("\0\0\0\5\0"s), "frame.bad_size");
  EXPECT_EQ(reason_of("\xff\xff\xff\xff"), "frame.too_big");
  EXPECT_EQ(reason_of(framed("", "q")), "frame.unknown_transform");
}

TEST(PbV3, RefusesWhatItsFieldsCannotHold) {
  EXPECT_EQ(reason_of(framed("\x08\x01"s)), "frame.bad_layout") << "seq is a text";
  EXPECT_EQ(reason_of(framed("\x10\x80\x02"s)), "frame.bad_layout") << "ptype 256";
  EXPECT_EQ(reason_of(framed("\x28\x80\x02"s)), "frame.bad_layout") << "body_codec 256";
  EXPECT_EQ(reason_of(framed("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s)), "frame.bad_layout");
  EXPECT_EQ(reason_of(framed("\x32\x05hi"s)), "frame.bad_layout") << "a text passes the end";
}

}  // namespace
}  // namespace fairlead::wire
