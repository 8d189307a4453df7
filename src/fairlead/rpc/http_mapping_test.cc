#include "fairlead/rpc/http_mapping.h"

#include <gtest/gtest.h>

#include "fairlead/http/proto/hop_fields.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

http::Fields fields(std::initializer_list<http::Field> list) {
  http::Fields made;
  for (const http::Field& field : list) made.add(field.name, field.value);
  return made;
}

std::string metadata_of(const http::Fields& from, TraceFields trace = TraceFields::kPass) {
  std::string out;
  append_field_metadata(out, from, trace);
  return out;
}

TEST(FieldMetadata, PassesFieldsWithNamesInLowerCase) {
  EXPECT_EQ(metadata_of(fields({{"X-Tenant", "a b"}, {"Authorization", "Bearer x"}})),
            "x-tenant=a%20b&authorization=Bearer%20x");
}

TEST(FieldMetadata, PassesNamesOfAnyLength) {
  const std::string name = "X-" + std::string(70, 'A');

  EXPECT_EQ(metadata_of(fields({{name, "1"}})), "x-" + std::string(70, 'a') + "=1");
}

TEST(FieldMetadata, LeavesOutWhatBelongsToTheConnectionAndTheContent) {
  EXPECT_EQ(metadata_of(fields({{"Host", "h"},
                                {"Connection", "close, X-Mine"},
                                {"x-mine", "1"},
                                {"TE", "trailers"},
                                {"Proxy-Authorization", "p"},
                                {"Content-Type", "text/plain"},
                                {"Content-Length", "3"},
                                {"Accept", "*/*"},
                                {"Expect", "100-continue"}})),
            "");
}

TEST(FieldMetadata, LeavesOutWhatEveryHopDoes) {
  for (const char* name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
        "Upgrade", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization"}) {
    EXPECT_TRUE(http::proto::is_hop_field(name)) << name;
    EXPECT_EQ(metadata_of(fields({{name, "1"}})), "") << name;
  }
}

TEST(FieldMetadata, LeavesOutWhatNobodyOutsideMaySay) {
  for (const char* name :
       {"X-Real-IP", "x-fl-timeout", "X-FL-Anything", "X-Secure", "X-Accept-Body-Codec", "hb_",
        "_uid", "_device_id", "X-Request-Id", "Forwarded", "X-Forwarded-For", "X-Consumer-Id"}) {
    EXPECT_EQ(metadata_of(fields({{name, "1"}})), "") << name;
  }
}

TEST(FieldMetadata, BelievesATraceWhereItIsTold) {
  const http::Fields from =
      fields({{"Traceparent", "00-1"}, {"tracestate", "a"}, {"Baggage", "b"}});

  EXPECT_EQ(metadata_of(from, TraceFields::kPass), "traceparent=00-1&tracestate=a&baggage=b");
  EXPECT_EQ(metadata_of(from, TraceFields::kDrop), "");
}

TEST(QueryMetadata, PassesPairsWithoutReservedOnes) {
  std::string out;

  ASSERT_TRUE(append_query_metadata(out, "a=1&X-Real-IP=9&b=x%20y&_uid=7&traceparent=0").ok());
  EXPECT_EQ(out, "a=1&b=x%20y");
}

TEST(QueryMetadata, RefusesABrokenQuery) {
  std::string out;

  EXPECT_EQ(append_query_metadata(out, "a=%zz").reason(), "http.bad_query");
}

std::uint8_t codec_of(std::string_view type, std::string_view body = "x") {
  return body_codec_of(fields({{"Content-Type", type}}), body).value();
}

TEST(BodyCodec, IsNamedByTheContentType) {
  EXPECT_EQ(codec_of("application/json; charset=utf-8"), 'j');
  EXPECT_EQ(codec_of("application/x-protobuf"), 'p');
  EXPECT_EQ(codec_of("text/plain"), 's');
  EXPECT_EQ(codec_of("application/x-thrift"), 't');
  EXPECT_EQ(codec_of("application/xml"), 'x');
  EXPECT_EQ(codec_of("application/x-www-form-urlencoded", "a=1"), 'f');
}

// `curl -d '{"a":1}'` says that it sends a form.
TEST(BodyCodec, AFormThatBeginsAsJsonIsJson) {
  EXPECT_EQ(codec_of("application/x-www-form-urlencoded", "{\"a\":1}"), 'j');
  EXPECT_EQ(codec_of("application/x-www-form-urlencoded", " \r\n\t[1]"), 'j');
  EXPECT_EQ(codec_of("application/x-www-form-urlencoded", "a={"), 'f');
  EXPECT_EQ(codec_of("application/x-www-form-urlencoded", ""), 'f');
}

TEST(BodyCodec, WithoutATypeABodyIsJsonAndNoBodyIsNone) {
  EXPECT_EQ(body_codec_of({}, "{}").value(), 'j');
  EXPECT_EQ(body_codec_of({}, "").value(), wire::kNoCodec);
}

// Between peers an empty body is a missing argument; over HTTP who says JSON must send some.
TEST(BodyCodec, RefusesAnEmptyBodyThatSaysItIsJson) {
  const auto codec = body_codec_of(fields({{"Content-Type", "application/json"}}), "");

  EXPECT_EQ(codec.status().code(), Code::kBadMessage);
  EXPECT_EQ(codec.status().reason(), "codec.json");
}

TEST(BodyCodec, RefusesOtherTypesAndCharsets) {
  for (const char* type : {"image/png", "application/json; charset=latin1", "", "json"}) {
    const auto codec = body_codec_of(fields({{"Content-Type", type}}), "{}");
    EXPECT_EQ(codec.status().code(), kUnsupportedMediaType) << type;
    EXPECT_EQ(codec.status().reason(), "http.media_type") << type;
    EXPECT_NE(codec.status().message().find("application/json"), std::string_view::npos) << type;
  }
}

TEST(ContentCoding, IsRefusedUnlessItIsNone) {
  for (const char* coding :
       {"gzip", "x-gzip", "identity, gzip", "gzip, identity", "br", "identity;q=1", "\x01"}) {
    const auto codec = body_codec_of(
        fields({{"Content-Type", "application/json"}, {"content-encoding", coding}}), "{}");
    EXPECT_EQ(codec.status().code(), kUnsupportedMediaType) << coding;
    EXPECT_EQ(codec.status().reason(), "http.content_coding") << coding;
  }
  for (const char* coding : {"identity", "Identity", " identity , identity", "", ","}) {
    EXPECT_TRUE(check_content_coding(fields({{"Content-Encoding", coding}})).ok()) << coding;
  }
}

TEST(ContentCoding, IsReadFromEveryField) {
  EXPECT_EQ(check_content_coding(
                fields({{"Content-Encoding", "identity"}, {"Content-Encoding", "deflate"}}))
                .reason(),
            "http.content_coding");
}

// RFC 9110 section 12.5.3: Accept-Encoding in a 415 says that the coding was the reason.
TEST(Accepted, TellsCodingsOnlyWhereTheCodingWasWrong) {
  http::Fields coding;
  append_accepted(coding, check_content_coding(fields({{"Content-Encoding", "gzip"}})), "text/x");
  ASSERT_EQ(coding.size(), 1U);
  EXPECT_EQ(coding.find("Accept-Encoding"), "identity");

  http::Fields type;
  append_accepted(type, body_codec_of(fields({{"Content-Type", "image/png"}}), "x").status(),
                  "text/x");
  ASSERT_EQ(type.size(), 1U);
  EXPECT_EQ(type.find("Accept"), "text/x");
}

std::string_view reply_codec(std::string_view accept) {
  const auto codec = reply_codec_of(fields({{"Accept", accept}}));
  return codec.ok() ? codec::codec_name(*codec) : codec.status().reason();
}

TEST(ReplyCodec, IsJsonWhereNothingElseIsAskedFor) {
  EXPECT_EQ(reply_codec_of({}).value(), codec::CodecId::kJson);
  EXPECT_EQ(reply_codec("*/*"), "json");
  EXPECT_EQ(reply_codec("application/*"), "json");
  EXPECT_EQ(reply_codec(" , "), "json");
}

TEST(ReplyCodec, FollowsTheHighestQuality) {
  EXPECT_EQ(reply_codec("application/json;q=0.5, application/x-protobuf"), "protobuf");
  EXPECT_EQ(reply_codec("text/html, application/xml;q=0.9, */*;q=0.8"), "xml");
  EXPECT_EQ(reply_codec("text/*"), "plain");
  EXPECT_EQ(reply_codec("application/x-protobuf;q=0.123,text/plain;q=0.124"), "plain");
}

TEST(ReplyCodec, AmongEqualsTheFirstOfTheListWins) {
  EXPECT_EQ(reply_codec("text/plain, application/x-protobuf, application/json"), "json");
}

TEST(ReplyCodec, TheClosestRangeDecides) {
  EXPECT_EQ(reply_codec("*/*, application/json;q=0"), "protobuf");
  EXPECT_EQ(reply_codec("application/json;q=0.1, application/*;q=0.9, text/plain;q=0.5"),
            "protobuf");
}

TEST(ReplyCodec, ReadsSeveralFieldsAsOneList) {
  const auto codec = reply_codec_of(fields({{"Accept", "text/html"}, {"accept", "text/plain"}}));

  EXPECT_EQ(codec.value(), codec::CodecId::kPlain);
}

TEST(ReplyCodec, TellsWhatCanBeHad) {
  for (const char* accept : {"image/png", "application/json;q=0", "*/*;q=0", "text/html;q=x"}) {
    const auto codec = reply_codec_of(fields({{"Accept", accept}}));
    EXPECT_EQ(codec.status().code(), kNotAcceptable) << accept;
    EXPECT_EQ(codec.status().reason(), "http.not_acceptable") << accept;
  }
}

TEST(ReplyFields, CarryWhatAFieldMayCarry) {
  http::Fields out;

  append_reply_fields(out,
                      "x-a=1&etag=%22v%22&Date=x&content-length=3&X-Fl-Refused=1&b%20c=1&d=%0A");

  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out.value_or("x-a", ""), "1");
  EXPECT_EQ(out.value_or("etag", ""), "\"v\"");
}

TEST(ReplyFields, AreBounded) {
  std::string metadata;
  for (std::size_t i = 0; i <= kReplyFieldsMax; ++i) {
    wire::append_metadata_pair(metadata, "x-" + std::to_string(i), "1");
  }
  http::Fields out;

  append_reply_fields(out, metadata);

  EXPECT_EQ(out.size(), kReplyFieldsMax);
}

std::string content_type(std::uint8_t codec, std::string_view metadata) {
  std::string told;
  return std::string(reply_content_type(codec, metadata, told));
}

TEST(ReplyContentType, IsThatOfTheCodecUnlessTheReplySaysMore) {
  EXPECT_EQ(content_type('j', ""), "application/json");
  EXPECT_EQ(content_type('j', "x-a=1"), "application/json");
  EXPECT_EQ(content_type(1, ""), "application/octet-stream");
  EXPECT_EQ(content_type(wire::kNoCodec, ""), "");
  EXPECT_EQ(content_type('s', "x-a=1&content-type=text%2Fhtml%3B%20charset%3Dutf-8"),
            "text/html; charset=utf-8");
  EXPECT_EQ(content_type('j', "Content-Type=application%2Fgeo%2Bjson"), "application/geo+json");
  EXPECT_EQ(content_type(wire::kNoCodec, "content-type=image%2Fpng"), "image/png");
}

TEST(ReplyContentType, IsOfTheFirstThatHasTheForm) {
  for (const char* bad : {"", "text", "%2Fhtml", "text%2F", "te%20xt%2Fhtml", "text%2Fht%20ml",
                          "text%2Fhtml%3B%0D%0Ax-evil%3A%201", "%20text%2Fhtml"}) {
    const std::string first = "content-type=" + std::string(bad);
    EXPECT_EQ(content_type('s', first), "text/plain") << bad;
    EXPECT_EQ(content_type('s', first + "&content-type=text%2Fcss&content-type=a%2Fb"), "text/css");
  }
}

}  // namespace
}  // namespace fairlead::rpc
