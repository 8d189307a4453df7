#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>

#include "everything.pb.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;
using namespace std::string_literals;

template <class T>
Result<T> read(std::string_view body, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kProtobuf, Bytes::borrow(body), options);
}
template <class T>
std::string write(const T& value) {
  return encoded(CodecId::kProtobuf, value);
}

TEST(Protobuf, RoundTripsEveryKind) {
  const Result<Everything> back = read<Everything>(write(full()));

  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
}

TEST(Protobuf, WritesNothingForZeros) {
  EXPECT_EQ(write(Everything{}), "");
  EXPECT_EQ(write(Nothing{}), "");
  EXPECT_EQ(*read<Everything>(""), Everything{});
}

TEST(Protobuf, WritesTheBytesOfTheEncodingGuide) {
  EXPECT_EQ(write(Inner{.count = 150}), "\x10\x96\x01");
  EXPECT_EQ(write(Inner{.name = "testing"}), "\x0A\x07testing");
  EXPECT_EQ(write(Inner{.numbers = {3, 270, 86942}}), "\x1A\x06\x03\x8E\x02\x9E\xA7\x05");
  EXPECT_EQ(write(Inner{.count = -1}), "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
}

// libprotobuf is the reference: it must read what we write and the other way round.
TEST(Protobuf, AgreesWithLibprotobufBothWays) {
  pb::Everything theirs;
  ASSERT_TRUE(theirs.ParseFromString(write(full())));

  EXPECT_EQ(theirs.s32(), INT32_MIN);
  EXPECT_EQ(theirs.i64(), INT64_MIN);
  EXPECT_EQ(theirs.s64s(2), INT64_MIN);
  EXPECT_EQ(theirs.text(), full().text);
  EXPECT_EQ(theirs.bytes(), full().bytes.view());
  EXPECT_EQ(theirs.inners_size(), 3);
  EXPECT_EQ(theirs.colors(2), 99);
  EXPECT_EQ(theirs.by_number().at(-1).name(), "minus");
  EXPECT_EQ(theirs.by_flag().at(true), "yes");
  EXPECT_TRUE(theirs.has_maybe_i32());
  EXPECT_TRUE(theirs.has_maybe_text());
  EXPECT_TRUE(theirs.has_maybe_inner());
  EXPECT_EQ(theirs.blobs_size(), 3);
  EXPECT_EQ(theirs.GetReflection()->GetUnknownFields(theirs).field_count(), 0);
  const Result<Everything> back = read<Everything>(theirs.SerializeAsString());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
}

TEST(Protobuf, WritesTheSameBytesAsLibprotobuf) {
  Everything ours = full();
  ours.by_number.clear();  // the order of maps is nobody's promise
  ours.by_text.clear();
  ours.by_flag.clear();
  pb::Everything theirs;
  ASSERT_TRUE(theirs.ParseFromString(write(ours)));

  EXPECT_EQ(theirs.SerializeAsString(), write(ours));
}

TEST(Protobuf, KeepsEveryBitOfFloatingPoint) {
  for (const double real : {-0.0, std::nan(""), HUGE_VAL, 5e-324}) {
    const auto back = read<Everything>(write(Everything{.real = real}));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back->real), std::bit_cast<std::uint64_t>(real));
  }
}

TEST(Protobuf, SharesTheBodysChunkForBytes) {
  const Bytes body(write(Everything{.bytes = Bytes("shared"), .blobs = {Bytes("also")}}));
  const auto value = decode<Everything>(CodecId::kProtobuf, body);

  EXPECT_EQ(value->bytes.chunk().get(), body.chunk().get());
  EXPECT_EQ(value->blobs[0].chunk().get(), body.chunk().get());
}

TEST(Protobuf, CopiesBytesOutOfABorrowedBody) {
  std::string body = write(Everything{.bytes = Bytes("copied")});
  const auto value = read<Everything>(body);
  body.assign(body.size(), 'x');

  EXPECT_EQ(value->bytes.view(), "copied");
}

TEST(Protobuf, SkipsUnknownFieldsOfEveryWireType) {
  const std::string unknown =
      "\xF8\x07\x96\x01"s  // 127: varint
      "\xF9\x07"
      "12345678"  // fixed64
      "\xFA\x07\x03"
      "abc"  // length
      "\xFD\x07"
      "1234"                               // fixed32
      "\xFB\x07\x08\x01\x13\x14\xFC\x07";  // group with a group inside
  EXPECT_EQ(read<Inner>(unknown + "\x10\x05" + unknown)->count, 5);
  // A known number with another wire type is unknown too.
  EXPECT_EQ(read<Inner>("\x12\x01\x41\x10\x05")->count, 5);
}

TEST(Protobuf, LetsTheLastScalarWinAndMergesMessages) {
  EXPECT_EQ(read<Inner>("\x10\x01\x10\x02")->count, 2);
  // Field 13, a message, twice: {count: 1, numbers: [1]} and {name: "n", numbers: [2]}.
  const auto merged = read<Everything>("\x6A\x04\x10\x01\x18\x01\x6A\x05\x0A\x01n\x18\x02");
  EXPECT_EQ(merged->inner, (Inner{.name = "n", .count = 1, .numbers = {1, 2}}));
}

TEST(Protobuf, ReadsPackedAndUnpackedMixed) {
  EXPECT_EQ(read<Inner>("\x18\x01\x1A\x02\x02\x03\x18\x04\x1A\x00"s)->numbers,
            (std::vector<std::int32_t>{1, 2, 3, 4}));
}

TEST(Protobuf, CutsNumbersToTheirField) {
  EXPECT_EQ(read<Inner>("\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")->count, -1);
  EXPECT_EQ(read<Inner>("\x10\x81\x80\x80\x80\x10")->count, 1);                       // 2^32 + 1
  EXPECT_EQ(read<Inner>("\x10\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00"s)->count, 5);  // overlong
  EXPECT_TRUE(read<Everything>("\x08\x02")->flag);
}

TEST(Protobuf, ReadsMapEntriesInAnyShape) {
  const auto entry = [](std::string_view content) {
    return "\xA2\x01"s + static_cast<char>(content.size()) + std::string(content);
  };
  const std::string key_a =
      "\x0A\x01"s
      "a";
  const std::string value_7 = "\x10\x07";

  EXPECT_EQ(read<Everything>(entry(value_7 + key_a))->by_text.at("a"), 7);
  EXPECT_EQ(read<Everything>(entry(key_a))->by_text.at("a"), 0);
  EXPECT_EQ(read<Everything>(entry(value_7))->by_text.at(""), 7);
  EXPECT_EQ(read<Everything>(entry(key_a + value_7) + entry(key_a))->by_text.at("a"), 0);
  EXPECT_EQ(read<Everything>(entry(key_a + "\x18\x01" + value_7))->by_text.at("a"), 7);
}

TEST(Protobuf, RefusesWhatIsNotProtobuf) {
  const std::string_view bodies[] = {
      std::string_view("\x00\x01", 2),  // field 0
      "\x0E",
      "\x0F",                      // wire types 6 and 7
      "\x80\x80\x80\x80\x80\x01",  // number above 2^29 - 1
      "\x0B",
      "\x0B\x14",
      "\x0C",                                              // groups without begin or end
      "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  // varint of eleven bytes
      "\x10",
      "\x10\x80",
      "\x80",  // cut varints
      "\x0A",
      "\x0A\x05"
      "abcd",  // lengths past the end
      "\x0A\x80\x80\x80\x80\x08",
      "\x0A\xFF\xFF\xFF\xFF\x0F",                      // 2^31, 2^32 - 1
      "\x0A\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  // 2^63
      "\x0A\x01\xFF",
      "\x1A\x02\x01\x80",  // not UTF-8; cut packed list
      "\xFD\x07"
      "123",
      "\xF9\x07"
      "1234567"};  // cut fixed numbers
  for (const std::string_view body : bodies) {
    const auto result = read<Inner>(body);
    EXPECT_EQ(result.status().code(), Code::kBadMessage);
    EXPECT_EQ(result.status().reason(), "codec.protobuf") << result.status();
  }
  EXPECT_FALSE(read<Everything>("\x7A\x07"
                                "1234567")
                   .ok());                                          // packed doubles of seven bytes
  EXPECT_FALSE(read<Everything>("\xA2\x01\x03\x0A\x01\xFF").ok());  // key of a map
}

TEST(Protobuf, NamesTheFieldAndTheByte) {
  EXPECT_EQ(read<Everything>("\x6A\x03\x0A\x01\xFF").status().message(),
            "inner.name: wanted UTF-8 text (byte 4)");
}

struct Choice {
  Small small{};
};
FL_STRUCT(Choice, (1, small))

TEST(Protobuf, KeepsUnknownEnumNumbersThatTheirTypeCanHold) {
  EXPECT_EQ(read<Everything>("\x60\x63")->color, static_cast<Color>(99));
  EXPECT_EQ(read<Choice>("\x08\xFF\x01")->small, static_cast<Small>(255));
  EXPECT_EQ(read<Choice>("\x08\x80\x02").status().reason(), "codec.protobuf");
}

TEST(Protobuf, HoldsTheLimitOfNesting) {
  EXPECT_EQ(*read<Tree>(write(nested(64))), nested(64));
  Buffer out;
  EXPECT_EQ(encode(CodecId::kProtobuf, nested(65), out).reason(), "codec.depth");
  std::string deep;
  for (int i = 0; i < 64; ++i) {
    std::string length;
    std::size_t left = deep.size();
    for (; left >= 0x80; left >>= 7) length += static_cast<char>(left | 0x80);
    length += static_cast<char>(left);
    deep.insert(0, "\x0A" + length);
  }
  EXPECT_EQ(read<Tree>(deep).status().reason(), "codec.depth");
  EXPECT_TRUE(read<Tree>(deep.substr(2)).ok());
  EXPECT_EQ(read<Tree>(std::string(10'000, '\x13')).status().reason(), "codec.depth");
}

TEST(Protobuf, HoldsTheLimitOfMemory) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "\x0A"s + '\0';

  const auto result = read<Tree>(body, {.memory_bytes_max = 1 << 20});
  EXPECT_EQ(result.status().code(), Code::kTooLarge);
  EXPECT_EQ(result.status().reason(), "codec.memory");
}

TEST(Protobuf, ReadsAMillionUnknownFields) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "\x78\x01";

  EXPECT_TRUE(read<Inner>(body).ok());
  EXPECT_TRUE(read<void>(body).ok());
}

TEST(Protobuf, HasNoFormForAnythingButMessages) {
  Buffer out;
  EXPECT_EQ(encode(CodecId::kProtobuf, std::string("x"), out).reason(), "codec.protobuf");
  EXPECT_EQ(read<std::string>("x").status().reason(), "codec.protobuf");
}

struct WithDefaults {
  std::int32_t count = 3;
  bool on = true;
  std::string text = "some";
  Color color = Color::kBlue;
  std::optional<std::int32_t> maybe = 7;
  std::vector<std::int32_t> numbers = {1, 2};
  bool operator==(const WithDefaults&) const = default;
};
FL_STRUCT(WithDefaults, (1, count), (2, on), (3, text), (4, color), (5, maybe), (6, numbers))

struct Nest {
  WithDefaults plain{};
  std::optional<WithDefaults> maybe{};
  std::vector<WithDefaults> list{};
  std::map<std::int32_t, WithDefaults> map{};
  bool operator==(const Nest&) const = default;
};
FL_STRUCT(Nest, (1, plain), (2, maybe), (3, list), (4, map))

// proto3 leaves zeros out; an initialiser on the reading side must not put something else there.
TEST(Protobuf, CarriesZerosToMembersThatHaveInitialisers) {
  const WithDefaults zero{.count = 0,
                          .on = false,
                          .text = "",
                          .color = Color::kRed,
                          .maybe = std::nullopt,
                          .numbers = {}};
  const Nest sent{.plain = zero, .maybe = zero, .list = {zero, WithDefaults()}, .map = {{1, zero}}};
  Buffer body;
  ASSERT_TRUE(encode(CodecId::kProtobuf, sent, body).ok());

  const auto received = decode<Nest>(CodecId::kProtobuf, Bytes(body.view()));

  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(*received, sent);
  EXPECT_EQ(*decode<WithDefaults>(CodecId::kProtobuf, Bytes()), zero);
  EXPECT_EQ(*decode<WithDefaults>(CodecId::kJson, Bytes("{}")), WithDefaults())
      << "JSON that leaves a member out leaves it as initialised";
}

}  // namespace
}  // namespace fairlead::codec
