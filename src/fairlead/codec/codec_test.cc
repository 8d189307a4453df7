#include "fairlead/codec/codec.h"

#include <gtest/gtest.h>

#include <string>

#include "fairlead/base/random.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;

TEST(CodecId, HasANameAndAByteEach) {
  for (const char* name : {"none", "form", "json", "protobuf", "plain", "thrift", "xml"}) {
    const auto id = find_codec(std::string_view(name));
    ASSERT_TRUE(id.has_value()) << name;
    EXPECT_EQ(codec_name(*id), name);
    EXPECT_EQ(find_codec(static_cast<std::uint8_t>(*id)), id);
  }
  EXPECT_EQ(find_codec("JSON"), std::nullopt);
  EXPECT_EQ(find_codec(std::uint8_t{'q'}), std::nullopt);
  EXPECT_EQ(codec_name(static_cast<CodecId>('q')), "unknown");
}

TEST(CodecId, IsReadFromAContentType) {
  EXPECT_EQ(codec_of_content_type("application/json"), CodecId::kJson);
  EXPECT_EQ(codec_of_content_type("Application/JSON ; charset=\"UTF-8\""), CodecId::kJson);
  EXPECT_EQ(codec_of_content_type("application/x-www-form-urlencoded"), CodecId::kForm);
  EXPECT_EQ(codec_of_content_type("application/protobuf"), CodecId::kProtobuf);
  EXPECT_EQ(codec_of_content_type("text/plain; format=flowed"), CodecId::kPlain);
  EXPECT_EQ(codec_of_content_type("application/json; charset=latin1"), std::nullopt);
  EXPECT_EQ(codec_of_content_type("multipart/form-data; boundary=x"), std::nullopt);
  EXPECT_EQ(codec_of_content_type(""), std::nullopt);
  EXPECT_EQ(codec_of_content_type(content_type_of(CodecId::kXml)), CodecId::kXml);
}

TEST(Codec, LeavesABytesBodyAlone) {
  const Bytes body(std::string_view("\xFF{not json"));
  for (const CodecId id : {CodecId::kNone, CodecId::kJson, CodecId::kProtobuf, CodecId::kPlain,
                           CodecId::kThrift, CodecId::kXml, static_cast<CodecId>('q')}) {
    EXPECT_EQ(encoded(id, body), body.view());
    const auto back = decode<Bytes>(id, body);
    EXPECT_EQ(back->chunk().get(), body.chunk().get());
    EXPECT_EQ(*back, body);
  }
}

TEST(Codec, SaysThatThereIsNoSuchCodec) {
  constexpr auto kNoCodec = static_cast<CodecId>('q');
  Buffer out;
  const Status encoding = encode(kNoCodec, Inner{}, out);
  const Status decoding = decode<Inner>(kNoCodec, Bytes("x")).status();

  EXPECT_EQ(encoding.code(), Code::kEncodeFailed);
  EXPECT_EQ(encoding.reason(), "codec.unsupported");
  EXPECT_EQ(decoding.code(), Code::kBadMessage);
  EXPECT_EQ(decoding.reason(), "codec.unsupported");
  EXPECT_TRUE(out.empty());
}

TEST(Codec, NeedsNoCodecForNoBody) {
  Buffer out;
  EXPECT_TRUE(encode(CodecId::kNone, contract::type_info<void>(), nullptr, out).ok());
  EXPECT_TRUE(decode<void>(CodecId::kNone, Bytes()).ok());
  EXPECT_EQ(decode<void>(CodecId::kNone, Bytes("x")).status().reason(), "codec.none");
  EXPECT_EQ(decode<Inner>(CodecId::kNone, Bytes()).status().reason(), "codec.none");
  EXPECT_EQ(encode(CodecId::kNone, Inner{}, out).reason(), "codec.none");
}

struct Obj {
  std::string name{};
  std::int64_t num = 0;
  bool flag = false;
  double rate = 0;
};
FL_STRUCT(Obj, (1, name), (2, num), (3, flag), (4, rate))
struct PbTest {
  std::int32_t a = 0, b = 0;
};
FL_STRUCT(PbTest, (1, a), (2, b))

// tests/data/teleport_vectors.json, those of kind "codec"; form, Thrift and XML stand in their own
// tests.
TEST(Codec, WritesTheBytesOfTheGoCodecs) {
  EXPECT_EQ(encoded(CodecId::kJson, Obj{.name = "andeya", .num = 7, .flag = true, .rate = 1.5}),
            R"({"name":"andeya","num":7,"flag":true,"rate":1.5})");
  EXPECT_EQ(encoded(CodecId::kJson, std::string("<a&b>")), R"("\u003ca\u0026b\u003e")");
  EXPECT_EQ(encoded(CodecId::kProtobuf, PbTest{.a = 1, .b = 2}), "\x08\x01\x10\x02");
  EXPECT_EQ(encoded(CodecId::kPlain, std::string("hello world")), "hello world");
  EXPECT_EQ(encoded(CodecId::kPlain, 42), "42");
  EXPECT_EQ(encoded(CodecId::kPlain, true), "true");
  EXPECT_EQ(encoded(CodecId::kPlain, 1.5), "1.5");
  const std::pair<CodecId, std::string_view> nothing[] = {{CodecId::kJson, "null"},
                                                          {CodecId::kProtobuf, ""},
                                                          {CodecId::kThrift, {"\0", 1}},
                                                          {CodecId::kPlain, ""}};
  for (const auto& [id, body] : nothing) {
    Buffer out;
    ASSERT_TRUE(encode(id, contract::type_info<void>(), nullptr, out).ok());
    EXPECT_EQ(out.view(), body) << codec_name(id);
    EXPECT_TRUE(decode<void>(id, Bytes(body)).ok()) << codec_name(id);
  }
}

TEST(Plain, WritesAndReadsSingleValues) {
  EXPECT_EQ(encoded(CodecId::kPlain, std::int64_t{-5}), "-5");
  EXPECT_EQ(encoded(CodecId::kPlain, 1e21), "1000000000000000000000");
  EXPECT_EQ(encoded(CodecId::kPlain, true), "true");
  EXPECT_EQ(encoded(CodecId::kPlain, std::string("a\"b")), "a\"b");
  EXPECT_EQ(encoded(CodecId::kPlain, std::optional<int>{}), "");
  EXPECT_EQ(*decode<std::int32_t>(CodecId::kPlain, Bytes("-5")), -5);
  EXPECT_EQ(*decode<std::string>(CodecId::kPlain, Bytes("")), "");
  EXPECT_EQ(*decode<std::optional<int>>(CodecId::kPlain, Bytes("")), std::nullopt);
  EXPECT_TRUE(decode<void>(CodecId::kPlain, Bytes()).ok());
}

TEST(Plain, RefusesStructsAndTextThatIsNoneOfItsType) {
  Buffer out;
  EXPECT_EQ(encode(CodecId::kPlain, Inner{}, out).reason(), "codec.plain");
  EXPECT_EQ(decode<Inner>(CodecId::kPlain, Bytes("x")).status().reason(), "codec.plain");
  EXPECT_EQ(decode<std::vector<int>>(CodecId::kPlain, Bytes("1")).status().reason(), "codec.plain");
  EXPECT_EQ(decode<std::string>(CodecId::kPlain, Bytes("\xFF")).status().reason(), "codec.plain");
  EXPECT_EQ(decode<void>(CodecId::kPlain, Bytes("x")).status().reason(), "codec.plain");
  EXPECT_EQ(decode<std::int32_t>(CodecId::kPlain, Bytes("5x")).status().message(),
            "the body: wanted int32, got \"5x\"");
}

class Mutation : public testing::TestWithParam<CodecId> {};

// Each cut and each flipped bit of a good body is read or refused; nothing else may happen, which
// the sanitizers watch. What is read must be writable again or refused with a reason.
TEST_P(Mutation, OfAGoodBodyIsReadOrRefused) {
  Everything value = full();
  if (GetParam() == CodecId::kForm) value.inners.clear();  // no form for lists of structs
  const std::string good = encoded(GetParam(), value);
  const auto try_body = [](std::string_view body) {
    const auto result = decode<Everything>(GetParam(), Bytes(body));
    if (!result.ok()) {
      EXPECT_TRUE(result.status().reason().starts_with("codec.")) << result.status();
      return;
    }
    Buffer out;
    EXPECT_TRUE(encode(GetParam(), *result, out).ok());
  };

  ASSERT_EQ(*decode<Everything>(GetParam(), Bytes(good)), value);
  for (std::size_t cut = 0; cut < good.size(); ++cut) try_body(good.substr(0, cut));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    try_body(bad);
  }
}

TEST_P(Mutation, OfManyBytesIsReadOrRefused) {
  const std::string good =
      encoded(GetParam(), Inner{.name = "name", .count = 70, .numbers = {1, 2}});
  Random random(20240611);  // the seed
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<std::size_t>(random.below(bad.size()));
      bad[at] = static_cast<char>(random.below(256));
    }
    bad.resize(static_cast<std::size_t>(random.below(bad.size() + 1)));
    (void)decode<Inner>(GetParam(), Bytes(bad));
    (void)decode<Everything>(GetParam(), Bytes(bad));
  }
}

TEST_P(Mutation, OfOneByteBodiesIsReadOrRefused) {
  for (int byte = 0; byte < 256; ++byte) {
    const char body[] = {static_cast<char>(byte)};
    (void)decode<Everything>(GetParam(), Bytes(std::string_view(body, 1)));
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, Mutation,
                         testing::Values(CodecId::kJson, CodecId::kProtobuf, CodecId::kForm,
                                         CodecId::kThrift, CodecId::kXml),
                         [](const auto& codec) { return std::string(codec_name(codec.param)); });

}  // namespace
}  // namespace fairlead::codec
