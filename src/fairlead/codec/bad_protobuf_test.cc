// Bad and odd protobuf bodies, numbered as in the project's list of bad inputs (section 6, 1 to
// 44), for contracts and for generated messages alike. 33 is the frame limit of the wire protocols.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "everything.pb.h"
#include "fairlead/codec/protobuf_message.h"
#include "fairlead/codec/test_types.h"
#include "generated.pb.h"
#include "generated_proto2.pb.h"

namespace fairlead::codec {
namespace {

using namespace test;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string tag(std::uint64_t number, int wire) {
  return varint(number << 3 | static_cast<unsigned>(wire));
}
std::string field(std::uint64_t number, const std::string& content) {
  return tag(number, 2) + varint(content.size()) + content;
}
std::string times(int count, const std::string& text) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}
// `levels` of field 1 inside each other.
std::string nest(int levels, std::uint64_t number) {
  std::vector<std::string> heads;
  std::size_t size = 0;
  for (int i = 0; i < levels; ++i) {
    heads.push_back(tag(number, 2) + varint(size));
    size += heads.back().size();
  }
  std::string out;
  for (auto at = heads.rbegin(); at != heads.rend(); ++at) out += *at;
  return out;
}

struct Case {
  int number;
  const char* what;
  std::string body;         // of Everything
  std::string_view reason;  // empty: taken
};

std::vector<Case> malformed() {
  using namespace std::string_literals;
  return {
      {3, "field number 0", "\0\x01"s, "codec.protobuf"},
      {4, "number 2^29", tag(1ULL << 29, 0) + "\x01", "codec.protobuf"},
      {5, "wire type 6", tag(1, 6), "codec.protobuf"},
      {5, "wire type 7", tag(1, 7), "codec.protobuf"},
      {6, "group without end", tag(99, 3), "codec.protobuf"},
      {7, "end without group", tag(99, 4), "codec.protobuf"},
      {7, "end of another group", tag(99, 3) + tag(98, 4), "codec.protobuf"},
      {10, "varint of eleven bytes", tag(2, 0) + times(10, "\x80") + "\x01", "codec.protobuf"},
      {11, "varint cut", tag(2, 0) + "\x80", "codec.protobuf"},
      {13, "length past the end",
       tag(10, 2) + "\x02"
                    "a",
       "codec.protobuf"},
      {14, "length 2^31", tag(10, 2) + varint(1ULL << 31), "codec.protobuf"},
      {14, "length 2^32 - 1", tag(10, 2) + varint(0xFFFFFFFF), "codec.protobuf"},
      {14, "length 2^63", tag(10, 2) + varint(1ULL << 63), "codec.protobuf"},
      {19, "text not UTF-8", field(10, "\xC3"), "codec.protobuf"},
      {19, "text in a list not UTF-8", field(16, "\xED\xA0\x80"), "codec.protobuf"},
      {21, "packed doubles of nine bytes", field(15, std::string(9, '\0')), "codec.protobuf"},
      {30, "fixed32 cut at 1", tag(8, 5) + "1", "codec.protobuf"},
      {30, "fixed32 cut at 3", tag(8, 5) + "123", "codec.protobuf"},
      {31, "fixed64 cut at 7", tag(9, 1) + "1234567", "codec.protobuf"},
  };
}

std::vector<Case> well_formed() {
  using namespace std::string_literals;
  const std::string key = field(1, "k");
  return {
      {1, "empty", "", ""},
      {2, "unknown fields", tag(99, 0) + "\x01" + field(98, "x") + tag(97, 5) + "1234", ""},
      {12, "overlong varint", tag(2, 0) + "\x85\x80\x80\0"s, ""},
      {15, "negative int32", tag(2, 0) + varint(~0ULL), ""},
      {16, "64 bits for an int32", tag(2, 0) + varint((1ULL << 40) + 5), ""},
      {17, "2 for a bool", tag(1, 0) + "\x02", ""},
      {18, "an unknown enum number", tag(12, 0) + "\x63", ""},
      {20, "any bytes", field(11, "\xFF\0"s), ""},
      {22, "packed and unpacked", tag(14, 0) + "\x01" + field(14, "\x02\x03") + tag(14, 0) + "\x04",
       ""},
      {24, "a message twice", field(13, tag(2, 0) + "\x05") + field(13, field(1, "n")), ""},
      {25, "a scalar twice", tag(2, 0) + "\x01" + tag(2, 0) + "\x02", ""},
      {27, "a key twice", field(20, key + tag(2, 0) + "\x01") + field(20, key + tag(2, 0) + "\x02"),
       ""},
      {28, "an entry without value, one without key",
       field(20, key) + field(20, tag(2, 0) + "\x07"), ""},
      {32, "another wire type", field(2, "x") + tag(10, 0) + "\x01", ""},
      {44, "two messages", field(10, "a") + tag(2, 0) + "\x01" + field(10, "b"), ""},
  };
}

// The two readers must agree on what is refused and on what everything else means.
TEST(BadProtobuf, IsTakenOrRefusedAlikeByContractsAndMessages) {
  std::vector<Case> all = malformed();
  for (Case& each : well_formed()) all.push_back(std::move(each));
  for (const Case& each : all) {
    const auto ours = decode<Everything>(CodecId::kProtobuf, Bytes(each.body));
    const auto theirs = decode<pb::Everything>(CodecId::kProtobuf, Bytes(each.body));

    EXPECT_EQ(ours.status().reason(), each.reason) << each.number << " " << each.what;
    EXPECT_EQ(theirs.status().reason(), each.reason) << each.number << " " << each.what;
    if (!ours.ok() || !theirs.ok()) continue;
    const auto meaning =
        decode<Everything>(CodecId::kProtobuf, Bytes(encoded(CodecId::kProtobuf, *theirs)));
    EXPECT_EQ(*ours, *meaning) << each.number << " " << each.what;
  }
}

TEST(BadProtobuf, Numbers16To28MeanWhatTheEncodingGuideSays) {
  const auto read = [](const std::string& body) {
    return *decode<Everything>(CodecId::kProtobuf, Bytes(body));
  };
  const std::vector<Case> table = well_formed();
  const auto body = [&table](int number) {
    for (const Case& each : table) {
      if (each.number == number) return each.body;
    }
    return std::string();
  };
  EXPECT_EQ(read(body(12)).i32, 5);
  EXPECT_EQ(read(body(15)).i32, -1);
  EXPECT_EQ(read(body(16)).i32, 5);
  EXPECT_TRUE(read(body(17)).flag);
  EXPECT_EQ(read(body(18)).color, static_cast<Color>(99));
  EXPECT_EQ(read(body(22)).i32s, (std::vector<std::int32_t>{1, 2, 3, 4}));
  EXPECT_EQ(read(body(24)).inner, (Inner{.name = "n", .count = 5}));
  EXPECT_EQ(read(body(25)).i32, 2);
  EXPECT_EQ(read(body(27)).by_text.at("k"), 2);
  EXPECT_EQ(read(body(28)).by_text, (std::map<std::string, std::int32_t>{{"k", 0}, {"", 7}}));
  EXPECT_EQ(read(body(32)), Everything{});
  EXPECT_EQ(read(body(44)).text, "b");
}

template <class T>
Status read(const std::string& body, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kProtobuf, Bytes(body), options).status();
}

TEST(BadProtobuf, Numbers8And9NestNoDeeperThanTheLimit) {
  const std::string groups = times(101, tag(99, 3)) + times(101, tag(99, 4));
  EXPECT_FALSE(read<Everything>(groups).ok());
  EXPECT_FALSE(read<pb::Everything>(groups).ok());
  for (const int levels : {64, 10'000}) {
    EXPECT_EQ(read<Tree>(nest(levels, 1)).reason(), "codec.depth") << levels;
    EXPECT_EQ(read<pb::Tree>(nest(levels, 1)).reason(), "codec.depth") << levels;
  }
  EXPECT_TRUE(read<Tree>(nest(63, 1)).ok());
  EXPECT_TRUE(read<pb::Tree>(nest(63, 1)).ok());
}

TEST(BadProtobuf, Numbers23And35TakeNoMoreMemoryThanTheLimit) {
  const std::string packed = field(14, std::string(20'000'000, '\x01'));  // 80 MB as a list
  const std::string empty_messages = times(1'000'000, field(1, ""));
  const DecodeOptions tight{.memory_bytes_max = 1 << 20};

  for (const Status& status :
       {read<Everything>(packed), read<pb::Everything>(packed), read<Tree>(empty_messages, tight),
        read<pb::Tree>(empty_messages, tight)}) {
    EXPECT_EQ(status.code(), Code::kTooLarge);
    EXPECT_EQ(status.reason(), "codec.memory");
  }
}

TEST(BadProtobuf, Number34AMillionSmallFieldsAreTaken) {
  const std::string fields = times(1'000'000, tag(2, 0) + "\x01");

  EXPECT_TRUE(read<Everything>(fields).ok());
  EXPECT_TRUE(read<pb::Everything>(fields).ok());
}

TEST(BadProtobuf, Numbers26And29AreOfGeneratedMessages) {
  const auto oneof =
      decode<pb::Known>(CodecId::kProtobuf, Bytes(tag(5, 0) + "\x07" + field(6, "last")));

  EXPECT_EQ(oneof->choice_case(), pb::Known::kWord);
  EXPECT_EQ(read<pb::Needs>(tag(1, 0) + "\x01").message(), "b: values are required");
}

TEST(BadProtobuf, Numbers36To39AreOfWellKnownTypes) {
  const auto json_of = [](const std::string& body) {
    const auto known = decode<pb::Known>(CodecId::kProtobuf, Bytes(body));
    EXPECT_TRUE(known.ok()) << known.status();
    Buffer out;
    return encode(CodecId::kJson, *known, out);
  };
  const std::string any = field(3, field(1, "type.googleapis.com/no.Such") + field(2, "\x08\x01"));
  EXPECT_EQ(json_of(any).reason(), "codec.json") << "36: opaque in protobuf, nothing in JSON";

  std::string nested_any = R"({"@type":"type.googleapis.com/google.protobuf.Any","value":)";
  EXPECT_FALSE(decode<pb::Known>(CodecId::kJson, Bytes(R"({"any":)" + times(100, nested_any) +
                                                       "{}" + std::string(101, '}')))
                   .ok())
      << "37";
  EXPECT_EQ(decode<pb::Known>(CodecId::kJson, Bytes(R"({"free":)" + times(1000, R"({"a":)") + "1" +
                                                    std::string(1001, '}')))
                .status()
                .reason(),
            "codec.depth")
      << "38";
  const std::string year_10000 = field(1, tag(1, 0) + varint(253'402'300'800));
  EXPECT_EQ(json_of(year_10000).reason(), "codec.json") << "39";
}

TEST(BadProtobuf, Number40EveryBitOfFloatingPointComesBack) {
  for (const double real : {std::nan(""), HUGE_VAL, -HUGE_VAL, -0.0, 5e-324}) {
    const std::string body = encoded(CodecId::kProtobuf, Everything{.real = real});
    const auto ours = decode<Everything>(CodecId::kProtobuf, Bytes(body));
    const auto theirs = decode<pb::Everything>(CodecId::kProtobuf, Bytes(body));

    EXPECT_EQ(std::bit_cast<std::uint64_t>(ours->real), std::bit_cast<std::uint64_t>(real));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(theirs->real()), std::bit_cast<std::uint64_t>(real));
  }
}

// Nothing but an answer may come of any of these; the sanitizers watch. What both readers take must
// mean the same to both.
TEST(BadProtobuf, Numbers41To43AnswerToEveryByteCutAndFlippedBit) {
  std::vector<std::string> bodies;
  for (int byte = 0; byte < 256; ++byte) bodies.emplace_back(1, static_cast<char>(byte));
  const std::string good = encoded(CodecId::kProtobuf, full());
  for (std::size_t cut = 0; cut < good.size(); ++cut) bodies.push_back(good.substr(0, cut));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    bodies.push_back(good);
    bodies.back()[bit / 8] = static_cast<char>(good[bit / 8] ^ (1 << bit % 8));
  }
  for (const std::string& body : bodies) {
    EXPECT_EQ(read<Everything>(body).ok(), read<pb::Everything>(body).ok())
        << read<Everything>(body) << read<pb::Everything>(body) << testing::PrintToString(body);
  }
}

}  // namespace
}  // namespace fairlead::codec
