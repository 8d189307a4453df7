// Bad and odd JSON bodies, numbered as in the project's list of bad inputs (section 5, typed
// layer). What a number means is in the second column; the choices are in docs/reference/bodies.md.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fairlead/codec/protobuf_message.h"
#include "fairlead/codec/test_types.h"
#include "fairlead/contract/validate.h"
#include "generated.pb.h"

namespace fairlead::codec {
namespace {

using namespace test;

struct Case {
  int number;
  const char* what;
  std::string body;
  bool taken;
  std::string_view message;  // how the refusal begins
};

std::vector<Case> cases() {
  using namespace std::string_literals;
  const std::string nul_key = R"({"a\u0000":1})";
  return {
      {1, "text for a number", R"({"i32":"x"})", false, "i32: wanted int32"},
      {1, "text for a number, deep", R"({"inners":[{},{"count":true}]})", false,
       "inners[1].count: wanted int32, got true"},
      {2, "one too many", R"({"i32":2147483648})", false, "i32: wanted int32, got 2147483648"},
      {2, "the last that fits", R"({"i32":2147483647})", true, ""},
      {2, "below zero", R"({"u64":-1})", false, "u64: wanted uint64"},
      {2, "too large for a float", R"({"single":1e39})", false, "single: wanted float"},
      {3, "1.5 for an integer", R"({"i32":1.5})", false, "i32: wanted int32, got 1.5"},
      {4, "1e2 for an integer", R"({"i32":1e2})", true, ""},
      {4, "1e10 for an int32", R"({"i32":1e10})", false, "i32: wanted int32"},
      {6, "an unknown field", R"({"unknown":{"a":[1]}})", true, ""},
      {8, "an array for an object", R"({"inner":[]})", false, "inner: wanted an object"},
      {8, "an object for an array", R"({"i32s":{}})", false, "i32s: wanted an array"},
      {8, "a number for an object", "7", false, "the body: wanted an object"},
      {9, "int64 as text", R"({"i64":"-9223372036854775808"})", true, ""},
      {10, "no base64", R"({"bytes":"*"})", false, "bytes: wanted base64"},
      {10, "base64 cut", R"({"bytes":"AAAAA"})", false, "bytes: wanted base64"},
      {10, "base64 of URLs, without padding", R"({"bytes":"-_8"})", true, ""},
      {12, "an unknown name", R"({"color":"pink"})", false, "color: wanted a value of Color"},
      {12, "an unknown number is kept", R"({"color":99})", true, ""},
      {14, "NaN for floating point", R"({"real":"NaN","single":"-Infinity"})", true, ""},
      {14, "NaN for an integer", R"({"i32":"NaN"})", false, "i32: wanted int32"},
      {14, "NaN without quotes", R"({"real":NaN})", false, "the body: "},
      {15, "a key with a NUL", nul_key, false, "the body: a key with a NUL"},
      {15, "a key of a map with a NUL", R"({"by_text":)" + nul_key + "}", false,
       "by_text: a key with a NUL"},
      {15, "a key of 64 KiB", R"({"by_text":{")" + std::string(65'536, 'k') + R"(":1}})", true, ""},
      {15, "a key one byte longer", R"({"by_text":{")" + std::string(65'537, 'k') + R"(":1}})",
       false, "by_text: a key longer than 64 KiB"},
      {15, "an unknown key of 1 MB", R"({")" + std::string(1'000'000, 'k') + R"(":1})", false,
       "the body: a key longer than 64 KiB"},
      {16, "nothing", "", false, "the body: wanted JSON"},
      {16, "blanks", " ", false, "the body: "},
      {19, "two documents", "{} {}", false, "the body: "},
  };
}

TEST(BadJson, IsTakenOrRefusedAsTheReferenceSays) {
  for (const Case& each : cases()) {
    const auto value = decode<Everything>(CodecId::kJson, Bytes(each.body));

    EXPECT_EQ(value.ok(), each.taken) << each.number << " " << each.what << value.status();
    if (each.taken) continue;
    EXPECT_EQ(value.status().code(), Code::kBadMessage) << each.number << " " << each.what;
    EXPECT_EQ(value.status().reason(), "codec.json") << each.number << " " << each.what;
    EXPECT_TRUE(value.status().message().starts_with(each.message))
        << each.number << " " << value.status();
  }
}

TEST(BadJson, Number6UnknownFieldsAreRefusedWhereSomebodyConfigures) {
  const DecodeOptions strict{.unknown_fields = DecodeOptions::Unknown::kRefuse};

  EXPECT_EQ(decode<Inner>(CodecId::kJson, Bytes(R"({"nmae":"x"})"), strict).status().message(),
            "nmae: unknown field of Inner; did you mean \"name\"?");
}

struct Needy {
  std::string name{};
  std::optional<std::int32_t> count{};
  std::int32_t other = 0;
};
FL_STRUCT(Needy, (1, name, required), (2, count, required), (3, other))

TEST(BadJson, Numbers5And7MissingAndNullFieldsAreNamedAllAtOnce) {
  for (const char* body : {"{}", R"({"name":null,"count":null})", "null"}) {
    const auto value = decode<Needy>(CodecId::kJson, Bytes(body));
    ASSERT_TRUE(value.ok());
    const Status status = contract::validate(contract::type_info<Needy>(), &*value);
    EXPECT_EQ(status.reason(), "contract.required");
    EXPECT_EQ(status.message(), "name, count: values are required");
  }
}

TEST(BadJson, Numbers11And13AreOfGeneratedMessages) {
  for (const char* body : {R"({"at":"soon"})", R"({"at":"2024-13-01T00:00:00Z"})", R"({"at":7})",
                           R"({"at":"10000-01-01T00:00:00Z"})", R"({"waitTime":"1"})",
                           R"({"waitTime":"315576000001s"})", R"({"number":1,"word":"a"})"}) {
    EXPECT_EQ(decode<pb::Known>(CodecId::kJson, Bytes(body)).status().reason(), "codec.json")
        << body;
  }
}

TEST(BadJson, Numbers17And18AreTypesThatWeDoNotRead) {
  for (const char* type : {"text/html", "application/json; charset=utf-16", "json", "*/*"}) {
    EXPECT_EQ(codec_of_content_type(type), std::nullopt) << type;
  }
}

TEST(BadJson, DuplicateKeysAreRefusedEverywhereWeLook) {
  for (const char* body : {R"({"i32":1,"i32":1})", R"({"by_text":{"a":1,"a":1}})",
                           R"({"i32":1,"i32":null})", R"({"by_flag":{"true":"a","1":"b"}})"}) {
    EXPECT_EQ(decode<Everything>(CodecId::kJson, Bytes(body)).status().reason(), "codec.json")
        << body;
  }
}

struct Login {
  std::int32_t pin = 0;
  std::vector<std::int32_t> codes{};
};
FL_STRUCT(Login, (1, pin, secret), (2, codes, secret))

// Whatever is wrong with a secret, its value does not stand in the answer or in a log.
TEST(BadJson, ShowsNoSecret) {
  const std::pair<CodecId, const char*> bodies[] = {
      {CodecId::kJson, R"({"pin":"hunter2"})"},
      {CodecId::kJson, R"({"codes":[1,"hunter2"]})"},
      {CodecId::kForm, "pin=hunter2"},
      {CodecId::kForm, "codes=hunter2"},
      {CodecId::kXml, "<L><pin>hunter2</pin></L>"},
      {CodecId::kXml, "<L><codes>hunter2</codes></L>"}};
  for (const auto& [id, body] : bodies) {
    const Status status = decode<Login>(id, Bytes(body)).status();
    EXPECT_EQ(status.code(), Code::kBadMessage) << body;
    EXPECT_EQ(status.to_string().find("hunter2"), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace fairlead::codec
