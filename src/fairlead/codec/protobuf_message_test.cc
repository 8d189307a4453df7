#include "fairlead/codec/protobuf_message.h"

#include <gtest/gtest.h>

#include <string>

#include "everything.pb.h"
#include "fairlead/codec/test_types.h"
#include "generated.pb.h"
#include "generated_proto2.pb.h"

namespace fairlead::codec {
namespace {

using namespace test;
using namespace std::string_literals;

TEST(ProtobufMessage, CarriesTheSameBytesAsAContract) {
  const std::string bytes = encoded(CodecId::kProtobuf, Inner{.name = "n", .numbers = {1, 2}});
  const auto message = decode<pb::Inner>(CodecId::kProtobuf, Bytes(bytes));

  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->name(), "n");
  EXPECT_EQ(message->numbers_size(), 2);
  EXPECT_EQ(encoded(CodecId::kProtobuf, *message), bytes);
  EXPECT_EQ(encoded(CodecId::kProtobuf, pb::Inner()), "");
}

TEST(ProtobufMessage, IsJsonByTheMappingOfProto3) {
  pb::Known known;
  known.mutable_at()->set_seconds(1);
  known.mutable_wait_time()->set_nanos(500'000'000);
  known.set_number(7);

  EXPECT_EQ(encoded(CodecId::kJson, known),
            R"({"at":"1970-01-01T00:00:01Z","waitTime":"0.500s","number":7})");
  for (const char* body :
       {R"({"waitTime":"0.5s","number":"7","at":"1970-01-01T00:00:01Z"})",
        R"({"wait_time":"0.500s","number":7,"at":"1970-01-01T01:00:01+01:00"})"}) {
    const auto back = decode<pb::Known>(CodecId::kJson, Bytes(body));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(encoded(CodecId::kProtobuf, *back), encoded(CodecId::kProtobuf, known));
  }
  EXPECT_TRUE(decode<pb::Known>(CodecId::kJson, Bytes("null")).ok());
}

TEST(ProtobufMessage, RefusesJsonThatIsNotStrictOrMeansTwoThings) {
  for (const char* body :
       {"", "{", "{'word':'a'}", "{word:\"a\"}", R"({"word":"a",})", R"({"word":"a"} {})",
        R"({"word":"a","word":"b"})", R"({"free":{"a":1,"a":2}})", R"({"number":1,"word":"a"})",
        R"({"number":"x"})", R"({"number":1.5})", R"({"number":3000000000})", R"({"at":"soon"})",
        R"({"waitTime":"1"})", "[]", "7"}) {
    const Status status = decode<pb::Known>(CodecId::kJson, Bytes(body)).status();
    EXPECT_EQ(status.code(), Code::kBadMessage) << body;
    EXPECT_EQ(status.reason(), "codec.json") << body;
  }
  const Status wrong =
      decode<pb::Everything>(CodecId::kJson, Bytes(R"({"inner":{"count":"x"}})")).status();
  EXPECT_NE(wrong.message().find("inner.count"), std::string_view::npos) << wrong;
  const Bytes twice(R"({"inner":{"count":1,"count":2}})");
  EXPECT_EQ(decode<pb::Everything>(CodecId::kJson, twice).status().message(),
            "inner.count: the field is given twice");
  EXPECT_EQ(decode<pb::Known>(CodecId::kJson, Bytes(std::string(70, '[') + std::string(70, ']')))
                .status()
                .reason(),
            "codec.depth");
}

TEST(ProtobufMessage, IgnoresUnknownFieldsUnlessTold) {
  const DecodeOptions strict{.unknown_fields = DecodeOptions::Unknown::kRefuse};
  const Bytes body(R"({"wrod":"a"})");

  EXPECT_TRUE(decode<pb::Known>(CodecId::kJson, body).ok());
  EXPECT_FALSE(decode<pb::Known>(CodecId::kJson, body, strict).ok());
}

TEST(ProtobufMessage, NamesTheFieldOfABadBody) {
  const auto status_of = [](const std::string& body) {
    return decode<pb::Everything>(CodecId::kProtobuf, Bytes(body)).status();
  };
  EXPECT_EQ(status_of("\x6A\x03\x0A\x01\xFF").message(), "inner.name: wanted UTF-8 text (byte 4)");
  EXPECT_EQ(status_of("\x6A\x03\x0A\x05x").message(),
            "inner.name: a length that runs past the end (byte 4)");
  EXPECT_EQ(status_of("\x10").message(), "i32: wanted a value (byte 1)");
  for (const std::string& body :
       {"\x00\x01"s, "\x0E"s, "\x0C"s, "\x80"s, "\x08\x80"s, "\x4D"s, "\x0B\x08"s,
        "\x7A\x07"
        "1234567"s}) {
    EXPECT_EQ(status_of(body).reason(), "codec.protobuf") << testing::PrintToString(body);
  }
}

TEST(ProtobufMessage, NamesEveryRequiredFieldThatIsMissing) {
  const Status status = decode<pb::Needs>(CodecId::kProtobuf, Bytes()).status();
  Buffer out;

  EXPECT_EQ(status.reason(), "codec.protobuf");
  EXPECT_EQ(status.message(), "a, b: values are required");
  EXPECT_EQ(encode(CodecId::kProtobuf, pb::Needs(), out).code(), Code::kEncodeFailed);
  EXPECT_EQ(decode<pb::Needs>(CodecId::kJson, Bytes("{}")).status().code(), Code::kBadMessage);
  EXPECT_TRUE(
      decode<pb::Needs>(CodecId::kProtobuf, Bytes("\x08\x01\x12\x01\x61\x1B\x08\x05\x1C")).ok());
}

TEST(ProtobufMessage, HoldsTheLimitOfNesting) {
  const auto read = [](int levels) {
    return decode<pb::Tree>(CodecId::kProtobuf, Bytes(encoded(CodecId::kProtobuf, nested(levels))));
  };
  EXPECT_TRUE(read(64).ok());
  pb::Tree deep;
  for (int i = 1; i < 65; ++i) {
    pb::Tree up;
    *up.add_children() = deep;
    deep = up;
  }
  EXPECT_EQ(decode<pb::Tree>(CodecId::kProtobuf, Bytes(deep.SerializeAsString())).status().reason(),
            "codec.depth");
  EXPECT_FALSE(decode<pb::Tree>(CodecId::kProtobuf, Bytes(std::string(10'000, '\x13'))).ok());
}

TEST(ProtobufMessage, HoldsTheLimitOfMemory) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "\x0A"s + '\0';

  const auto result =
      decode<pb::Tree>(CodecId::kProtobuf, Bytes(body), {.memory_bytes_max = 16 << 20});
  EXPECT_EQ(result.status().code(), Code::kTooLarge);
  EXPECT_EQ(result.status().reason(), "codec.memory");
}

TEST(ProtobufMessage, HasNoFormInAnyOtherCodec) {
  Buffer out;
  for (const CodecId id : {CodecId::kThrift, CodecId::kForm, CodecId::kPlain, CodecId::kXml}) {
    const Status status = encode(id, pb::Inner(), out);
    EXPECT_EQ(status.reason(), "codec.unsupported");
    EXPECT_EQ(decode<pb::Inner>(id, Bytes("x")).status().reason(), "codec.unsupported");
  }
  EXPECT_EQ(contract::type_info<pb::Inner>().name(), "fairlead.codec.test.pb.Inner");
}

TEST(ProtobufMessage, ReadsOrRefusesEachCutAndEachFlippedBit) {
  const std::string good = encoded(CodecId::kProtobuf, full());
  const auto try_body = [](const std::string& body) {
    const auto result = decode<pb::Everything>(CodecId::kProtobuf, Bytes(body));
    EXPECT_TRUE(result.ok() || result.status().reason().starts_with("codec."));
  };
  ASSERT_TRUE(decode<pb::Everything>(CodecId::kProtobuf, Bytes(good)).ok());
  for (std::size_t cut = 0; cut < good.size(); ++cut) try_body(good.substr(0, cut));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    try_body(bad);
  }
}

}  // namespace
}  // namespace fairlead::codec
