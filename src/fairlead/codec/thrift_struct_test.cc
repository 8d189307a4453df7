#include "fairlead/codec/thrift_struct.h"

#include <gtest/gtest.h>

#include <string>

#include "everything_types.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;
using namespace std::string_literals;

TEST(ThriftStruct, CarriesTheSameBytesAsAContract) {
  const std::string bytes = encoded(CodecId::kThrift, full());
  const auto value = decode<thrift::Everything>(CodecId::kThrift, Bytes(bytes));

  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->text, full().text);
  EXPECT_EQ(encoded(CodecId::kThrift, *value), bytes);
}

TEST(ThriftStruct, HasNoFormInAnyOtherCodec) {
  Buffer out;
  for (const CodecId id : {CodecId::kJson, CodecId::kProtobuf, CodecId::kForm, CodecId::kPlain,
                           CodecId::kXml, static_cast<CodecId>('q')}) {
    EXPECT_EQ(encode(id, thrift::Inner(), out).reason(), "codec.unsupported");
    EXPECT_EQ(decode<thrift::Inner>(id, Bytes("x")).status().reason(), "codec.unsupported");
  }
  EXPECT_EQ(decode<thrift::Inner>(CodecId::kNone, Bytes()).status().reason(), "codec.none");
}

TEST(ThriftStruct, RefusesBadBodiesWithoutAskingTheLibrary) {
  const auto status_of = [](const std::string& body) {
    return decode<thrift::Everything>(CodecId::kThrift, Bytes(body)).status();
  };
  EXPECT_EQ(status_of("").reason(), "codec.thrift");
  EXPECT_EQ(status_of("\0x"s).reason(), "codec.thrift");
  const Status cut = status_of(
      "\x0C\0\x0D\x0F\0\x03\x0B\0\0\0\x01\0\0\0\x05"s
      "a\0\0"s);
  EXPECT_EQ(cut.reason(), "codec.thrift");
  EXPECT_EQ(cut.message(), "#13.#3[0]: a size that runs past the end (byte 15)");
  EXPECT_EQ(status_of("\x0F\0\x0E\x08\x7F\xFF\xFF\xFF\0"s).reason(), "codec.thrift");
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "\x0C\0\x01"s;
  EXPECT_EQ(status_of(deep).reason(), "codec.depth");
}

// Generated code reads elements as what it knows, whatever the body says they are.
TEST(ThriftStruct, RefusesElementsOfAnotherType) {
  const auto status_of = [](const std::string& body) {
    return decode<thrift::Everything>(CodecId::kThrift, Bytes(body)).status();
  };
  // Eight bytes that, read as a struct, begin a list of 2^31 - 1 structs.
  const Status bytes = status_of("\x0F\0\x11\x03\0\0\0\x08\x0F\0\x03\x0C\x7F\xFF\xFF\xFF\0"s);
  EXPECT_EQ(bytes.reason(), "codec.thrift");
  EXPECT_EQ(bytes.message(), "the body: elements of another type");
  const std::string tail = "\0\0\0\x01\0\0\0\0\0\0\0\0"s;  // one entry: 0 or no text, and 0
  EXPECT_TRUE(status_of("\x0D\0\x14\x0B\x08"s + tail + "\0"s).ok());
  EXPECT_EQ(status_of("\x0D\0\x14\x08\x08"s + tail + "\0"s).reason(), "codec.thrift");
  EXPECT_EQ(status_of("\x0D\0\x14\x0B\x0A"s + tail + "\0\0\0\0\0"s).reason(), "codec.thrift");
}

TEST(ThriftStruct, SkipsWhatItDoesNotKnow) {
  thrift::Stranger stranger;
  stranger.count = 7;
  stranger.numbers = {3, 1};
  stranger.deep = {{{{2, {"a", "b"}}}, {}}, {}};
  stranger.must = "x";
  const Bytes body(encoded(CodecId::kThrift, stranger));
  const auto inner = decode<thrift::Inner>(CodecId::kThrift, body);
  const auto same = decode<thrift::Stranger>(CodecId::kThrift, body);

  ASSERT_TRUE(inner.ok()) << inner.status();
  EXPECT_EQ(inner->count, 7);
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->deep, stranger.deep);
}

TEST(ThriftStruct, HoldsTheLimitOfMemory) {
  const std::string many = "\x0F\0\x01\x0C\0\x0F\x42\x40"s + std::string(1'000'000, '\0') + "\0"s;
  const Status status =
      decode<thrift::Tree>(CodecId::kThrift, Bytes(many), {.memory_bytes_max = 1 << 20}).status();

  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "codec.memory");
}

TEST(ThriftStruct, AnswersWhatTheLibraryThrows) {
  const Status status = decode<thrift::Stranger>(CodecId::kThrift, Bytes("\0"s)).status();

  EXPECT_EQ(status.code(), Code::kBadMessage);
  EXPECT_EQ(status.reason(), "codec.thrift") << "field 6 is required";
}

TEST(ThriftStruct, ReadsOrRefusesEachCutAndEachFlippedBit) {
  const std::string good = encoded(CodecId::kThrift, full());
  const auto try_body = [](const std::string& body) {
    const auto result = decode<thrift::Everything>(CodecId::kThrift, Bytes(body));
    EXPECT_TRUE(result.ok() || result.status().reason().starts_with("codec."));
  };
  for (std::size_t cut = 0; cut < good.size(); ++cut) try_body(good.substr(0, cut));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    try_body(bad);
  }
}

}  // namespace
}  // namespace fairlead::codec
