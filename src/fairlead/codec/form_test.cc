#include <gtest/gtest.h>

#include <map>
#include <string>

#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;

template <class T>
Result<T> read(std::string_view body, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kForm, Bytes::borrow(body), options);
}

TEST(Form, RoundTripsEveryKindThatHasAForm) {
  Everything value = full();
  value.inners.clear();
  value.maybe_inner = Inner{.name = "n"};
  const auto back = read<Everything>(encoded(CodecId::kForm, value));

  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, value);
}

TEST(Form, WritesSortedByKeyWithPlusForBlanks) {
  EXPECT_EQ(encoded(CodecId::kForm, Inner{.name = "a b&=+%", .count = 2, .numbers = {3, 1}}),
            "count=2&name=a+b%26%3D%2B%25&numbers=3&numbers=1");
  EXPECT_EQ(encoded(CodecId::kForm, std::map<std::string, int>{{"b", 1}, {"a.c", 2}}), "a.c=2&b=1");
  EXPECT_EQ(encoded(CodecId::kForm, Nothing{}), "");
}

struct Obj {
  std::string name{};
  std::int64_t num = 0;
  bool flag = false;
  double rate = 0;
};
FL_STRUCT(Obj, (1, name), (2, num), (3, flag), (4, rate))
struct Values {
  std::vector<std::string> a{}, b{};
};
FL_STRUCT(Values, (1, b), (2, a))

// tests/data/teleport_vectors.json: p.codec.form.obj, p.codec.form
TEST(Form, WritesTheBytesOfTheGoCodec) {
  EXPECT_EQ(encoded(CodecId::kForm, Obj{.name = "andeya", .num = 7, .flag = true, .rate = 1.5}),
            "flag=true&name=andeya&num=7&rate=1.5");
  const char* const values = "a=1&b=x+y&b=z%26%3D";
  EXPECT_EQ(encoded(CodecId::kForm, Values{.a = {"1"}, .b = {"x y", "z&="}}), values);
  EXPECT_EQ(read<Values>(values)->b, (std::vector<std::string>{"x y", "z&="}));
  EXPECT_EQ(encoded(CodecId::kForm, Obj{.name = "~*-._ /"}),
            "flag=false&name=~%2A-._+%2F&num=0&rate=0");
}

TEST(Form, ReadsDottedNamesAndKeysOfMaps) {
  const auto value = read<Everything>(
      "inner.name=x+y&by_text.a.b=1&by_number.-3.count=4&by_number.-3.name=%C3%A9&maybe_inner."
      "count=5");

  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->inner.name, "x y");
  EXPECT_EQ(value->by_text.at("a.b"), 1);
  EXPECT_EQ(value->by_number.at(-3), (Inner{.name = "\xC3\xA9", .count = 4}));
  EXPECT_EQ(value->maybe_inner->count, 5);
}

TEST(Form, ReadsWhatBrowsersSend) {
  const auto value = read<Everything>("flag=1&color=blue&bytes=-_-_&texts=a&texts=&&text");

  EXPECT_TRUE(value->flag);
  EXPECT_EQ(value->color, Color::kBlue);
  EXPECT_EQ(value->bytes.view(), "\xFB\xFF\xBF");
  EXPECT_EQ(value->texts, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(value->text, "");
  EXPECT_EQ(*read<Inner>(""), Inner{});
  EXPECT_TRUE(read<void>("a=1").ok());
}

TEST(Form, RefusesWhatDoesNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {"count=x", "count: wanted int32, got \"x\""},
      {"count=1&count=1", "count: the field is given twice"},
      {"name=%FF", "name: wanted UTF-8 text"},
  };
  for (const auto& [body, message] : cases) {
    const Status status = read<Inner>(body).status();
    EXPECT_EQ(status.code(), Code::kBadMessage);
    EXPECT_EQ(status.reason(), "codec.form");
    EXPECT_EQ(status.message(), message);
  }
  for (const char* body : {"bytes=*", "inner=1", "inners=1", "by_text=1", "by_number.x.count=1",
                           "by_number.1=1", "by_number=1", "maybe_inner=1", "by_text.=x"}) {
    EXPECT_EQ(read<Everything>(body).status().reason(), "codec.form") << body;
  }
}

TEST(Form, IgnoresUnknownFieldsUnlessTold) {
  const DecodeOptions strict{.unknown_fields = DecodeOptions::Unknown::kRefuse};
  for (const char* body : {"nmae=1", "name.x=1", ".=1", "=1", "count.=2"}) {
    EXPECT_EQ(*read<Inner>(body), Inner{}) << body;
    EXPECT_FALSE(read<Inner>(body, strict).ok()) << body;
  }
  EXPECT_EQ(read<Inner>("nmae=1", strict).status().reason(), "codec.unknown_field");
}

TEST(Form, HoldsTheLimitOfMemory) {
  std::string body;
  for (int i = 0; i < 1000; ++i) body += "numbers=1&";
  EXPECT_TRUE(read<Inner>(body).ok());
  EXPECT_EQ(read<Inner>(body, {.memory_bytes_max = 100}).status().reason(), "codec.memory");
}

TEST(Form, HasNoFormForListsOfStructs) {
  Buffer out;
  const Status status = encode(CodecId::kForm, Everything{.inners = {Inner{}}}, out);

  EXPECT_EQ(status.code(), Code::kEncodeFailed);
  EXPECT_EQ(status.reason(), "codec.form");
  EXPECT_EQ(encode(CodecId::kForm, 5, out).reason(), "codec.form");
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace fairlead::codec
