#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "fairlead/codec/test_types.h"
#include "fairlead/codec/xml_names.h"

namespace fairlead::codec {
namespace {

using namespace test;

template <class T>
Result<T> read(std::string_view body, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kXml, Bytes::borrow(body), options);
}
template <class T>
std::string write(const T& value) {
  return encoded(CodecId::kXml, value);
}

struct Obj {
  std::string name{};
  std::int64_t num = 0;
  bool flag = false;
  double rate = 0;
  bool operator==(const Obj&) const = default;
};
FL_STRUCT(Obj, (1, name), (2, num), (3, flag), (4, rate))

// tests/data/teleport_vectors.json: p.codec.xml
TEST(Xml, WritesTheBytesOfTheGoCodec) {
  const Obj andeya{.name = "andeya", .num = 7, .flag = true, .rate = 1.5};
  const char* const golden =
      "<Obj><name>andeya</name><num>7</num><flag>true</flag><rate>1.5</rate></Obj>";

  EXPECT_EQ(write(andeya), golden);
  EXPECT_EQ(*read<Obj>(golden), andeya);
}

TEST(Xml, EscapesTextsAndWritesNumbersAsGoDoes) {
  EXPECT_EQ(write(Obj{.name = "\"'&<>\t\n\r\xC3\xA9]]>", .rate = 1234567}),
            "<Obj><name>&#34;&#39;&amp;&lt;&gt;&#x9;&#xA;&#xD;\xC3\xA9]]&gt;</name><num>0</num>"
            "<flag>false</flag><rate>1.234567e+06</rate></Obj>");
  EXPECT_EQ(write(123456.0), "<float64>123456</float64>");
  EXPECT_EQ(write(0.0001), "<float64>0.0001</float64>");
  EXPECT_EQ(write(0.00001), "<float64>1e-05</float64>");
  EXPECT_EQ(write(-HUGE_VAL), "<float64>-Inf</float64>");
  EXPECT_EQ(write(std::string("a")), "<string>a</string>");
  EXPECT_EQ(write(std::int32_t{-5}), "<int32>-5</int32>");
  EXPECT_EQ(write(Nothing{}), "<Nothing></Nothing>");
}

TEST(Xml, RoundTripsEveryKind) {
  const Result<Everything> back = read<Everything>(write(full()));

  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
  EXPECT_EQ(*read<Everything>(write(Everything{})), Everything{});
  EXPECT_TRUE(std::isnan(*read<double>(write(std::nan("")))));
  EXPECT_EQ(*read<float>(write(HUGE_VALF)), HUGE_VALF);
}

TEST(Xml, ReadsWhatOthersWrite) {
  const auto value = read<Obj>(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding='utf-8'?>\n<!-- c --><a:Other xmlns:a='x' "
      "y='1'>\n"
      "  <num unit=\"kg\"> 7\n</num><b:flag>1</b:flag><?pi x?><rate/>\n"
      "  <name> a<![CDATA[<b>]]>&lt;&#x41;&#66; <!-- c -->c</name>\n</a:Other>\n");

  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, (Obj{.name = " a<b><AB c", .num = 7, .flag = true, .rate = 0}));
}

TEST(Xml, RepeatsListsAndKeepsTheirOrderAroundOtherElements) {
  const auto value = read<Inner>(
      "<Inner><numbers>1</numbers><name>n</name><numbers>2</numbers><count>3</count></Inner>");

  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, (Inner{.name = "n", .count = 3, .numbers = {1, 2}}));
  EXPECT_EQ(write(Inner{.numbers = {4, 5}}),
            "<Inner><name></name><count>0</count><numbers>4</numbers><numbers>5</numbers></Inner>");
}

TEST(Xml, WritesAMapAsOneElementPerKey) {
  using Map = std::map<std::string, std::int32_t>;
  const Map keys = {{"", 1},
                    {"_", 2},
                    {"a", 3},
                    {"1b", 4},
                    {"a b", 5},
                    {"_x0041_", 6},
                    {"\xC3\xA9", 7},
                    {"\xF0\x9F\x98\x80", 8},
                    {"x:y", 9},
                    {"a-b.c", 10},
                    {std::string("\x01"), 11}};

  EXPECT_EQ(write(Map{{"a", 1}, {"2", 2}}), "<map><_x0032_>2</_x0032_><a>1</a></map>");
  EXPECT_EQ(*read<Map>(write(keys)), keys) << write(keys);
}

TEST(XmlNames, ComeBackAsTheTextTheyWereMadeOf) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "_"},          {"_", "_x005F_"},     {"a", "a"},
      {"-a", "_x002D_a"}, {"a_x", "a_x005F_x"}, {"\xF0\x9F\x98\x80", "_x1F600_"},
      {"__", "__"}};
  for (const auto& [text, name] : cases) {
    std::string out;
    internal::append_xml_name(out, text);
    EXPECT_EQ(out, name);
    EXPECT_EQ(internal::text_of_xml_name(name), text);
  }
  for (const char* name : {"_x41_", "_x0041", "_xD800_", "_x110000_", "_x00G1_", "_x"}) {
    EXPECT_EQ(internal::text_of_xml_name(name), name);
  }
}

TEST(Xml, RefusesDocumentTypesAndSoEveryEntityOfTheirs) {
  for (const char* body :
       {"<!DOCTYPE Obj><Obj></Obj>",
        "<!DOCTYPE Obj [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;'>]><Obj><name>&b;</name></Obj>",
        "<!DOCTYPE Obj SYSTEM 'file:///etc/passwd'><Obj></Obj>"}) {
    const Status status = read<Obj>(body).status();
    EXPECT_EQ(status.reason(), "codec.xml");
    EXPECT_EQ(status.message(), "the body: a document type is not accepted");
  }
  EXPECT_EQ(read<Obj>("<Obj><name>&nbsp;</name></Obj>").status().reason(), "codec.xml");
}

TEST(Xml, RefusesWhatIsNotXmlInUtf8) {
  for (const std::string_view body :
       {"", " ", "x", "<Obj>", "<Obj></Odd>", "<Obj></Obj><Obj></Obj>", "<Obj></Obj>x",
        "<Obj><name>\xFF</name></Obj>", "<Obj><name>\xED\xA0\x80</name></Obj>",
        "<Obj><name>&#0;</name></Obj>", "<Obj><name>&#xD800;</name></Obj>",
        "<Obj><name a=1></name></Obj>", "<Obj><name a='' a=''></name></Obj>", "<1></1>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><Obj></Obj>",
        "<?xml version='1.0' encoding='UTF-16'?><Obj></Obj>"}) {
    const Status status = read<Obj>(body).status();
    EXPECT_EQ(status.code(), Code::kBadMessage) << body;
    EXPECT_EQ(status.reason(), "codec.xml") << body;
  }
  EXPECT_EQ(read<Obj>("<Obj>\n <name></nam></Obj>").status().message(),
            "the body: at line 2, column 10: mismatched tag");
}

TEST(Xml, NamesTheFieldThatDoesNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {"<E><i32>x</i32></E>", "i32: wanted int32, got \"x\""},
      {"<E><i32>1<b/></i32></E>", "i32: wanted text, got the element <b>"},
      {"<E><inner>x</inner></E>", "inner: wanted elements, got text"},
      {"<E><inners/><inners><count>1.5</count></inners></E>",
       "inners[1].count: wanted int32, got \"1.5\""},
      {"<E><by_number><x/></by_number></E>", "by_number[\"x\"]: wanted a key of type int32"},
      {"<E><by_text><a>1</a><a>2</a></by_text></E>", "by_text[\"a\"]: the key is given twice"},
      {"<E><by_text><a>b</a></by_text></E>", "by_text[\"a\"]: wanted int32, got \"b\""},
      {"<E><i32>1</i32><i32>1</i32></E>", "i32: the element is given twice"},
      {"<E><bytes>*</bytes></E>", "bytes: wanted base64"},
      {"<E><color>pink</color></E>", "color: wanted a name of Color, got \"pink\""},
      {"<E><color/></E>", "color: wanted a name of Color, got \"\""},
      {"<E><maybe_inner><count>x</count></maybe_inner></E>",
       "maybe_inner.count: wanted int32, got \"x\""},
      {"<E>x</E>", "the body: wanted elements, got text"}};
  for (const auto& [body, message] : cases) {
    const Status status = read<Everything>(body).status();
    EXPECT_EQ(status.code(), Code::kBadMessage);
    EXPECT_EQ(status.reason(), "codec.xml");
    EXPECT_EQ(status.message(), message);
  }
}

TEST(Xml, IgnoresUnknownElementsUnlessTold) {
  const DecodeOptions strict{.unknown_fields = DecodeOptions::Unknown::kRefuse};
  const char* const body = "<Obj><nmae>x<y><z>1</z></y>x</nmae><num>7</num></Obj>";

  EXPECT_EQ(read<Obj>(body)->num, 7);
  EXPECT_EQ(read<Obj>(body, strict).status().reason(), "codec.unknown_field");
  EXPECT_EQ(read<Obj>(body, strict).status().message(),
            "nmae: unknown field of Obj; did you mean \"name\"?");
  EXPECT_TRUE(read<void>("<any><thing>1</thing></any>").ok());
  EXPECT_TRUE(read<void>("").ok());
}

TEST(Xml, HoldsTheLimitOfNesting) {
  EXPECT_EQ(*read<Tree>(write(nested(64))), nested(64));
  Buffer out;
  EXPECT_EQ(encode(CodecId::kXml, nested(65), out).reason(), "codec.depth");
  const auto deep = [](const std::string& name, int levels) {
    std::string body = "<Tree>";
    for (int i = 1; i < levels; ++i) body += "<" + name + ">";
    for (int i = 1; i < levels; ++i) body += "</" + name + ">";
    return body + "</Tree>";
  };
  EXPECT_TRUE(read<Tree>(deep("children", 64)).ok());
  EXPECT_EQ(read<Tree>(deep("children", 65)).status().reason(), "codec.depth");
  EXPECT_TRUE(read<Tree>(deep("unknown", 64)).ok());
  EXPECT_EQ(read<Tree>(deep("unknown", 100'000)).status().reason(), "codec.depth");
}

TEST(Xml, HoldsTheLimitOfMemory) {
  std::string body = "<Tree>";
  for (int i = 0; i < 100'000; ++i) body += "<children/>";
  body += "</Tree>";

  EXPECT_TRUE(read<Tree>(body).ok());
  const Status status = read<Tree>(body, {.memory_bytes_max = 1 << 20}).status();
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "codec.memory");
  const std::string map = "<map><a>1</a><b>2</b></map>";
  EXPECT_EQ((read<std::map<std::string, int>>(map, {.memory_bytes_max = 100}).status().reason()),
            "codec.memory");
}

TEST(Xml, HasNoFormForListsAsABodyAndForSomeTexts) {
  Buffer out;
  EXPECT_EQ(encode(CodecId::kXml, std::vector<int>{1}, out).reason(), "codec.xml");
  EXPECT_EQ(read<std::vector<int>>("<a/>").status().reason(), "codec.xml");
  for (const char* text : {"\x01", "\xFF", "\xEF\xBF\xBF"}) {
    EXPECT_EQ(encode(CodecId::kXml, Obj{.name = text}, out).reason(), "codec.xml");
  }
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(write(std::optional<int>{}), "");
  EXPECT_EQ(*read<std::optional<int>>(""), std::nullopt);
  EXPECT_EQ(*read<std::optional<int>>("<int32>5</int32>"), 5);
}

}  // namespace
}  // namespace fairlead::codec
