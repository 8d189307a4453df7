#include "fairlead/gateway/conversion.h"

#include <gtest/gtest.h>

#include "fairlead/wire/metadata.h"

namespace fairlead::gateway::internal {
namespace {

using std::chrono::milliseconds;

http::Request request(std::string method, std::string body = {}) {
  http::Request made;
  made.method = std::move(method);
  made.path = "/api/math/divide";
  made.body = Bytes(body);
  made.peer = io::Address::parse("10.1.2.3:999").value();
  made.id = "id1";
  return made;
}

wire::Metadata metadata_of(const http::Request& from) {
  const auto call = to_call(from, "/math/divide", milliseconds(1500));
  EXPECT_TRUE(call.ok()) << call.status();
  return wire::parse_metadata_text(call->metadata).value();
}

std::string reason_of(const http::Request& from) {
  const auto call = to_call(from, "/math/divide", milliseconds(1500));
  return call.ok() ? "ok" : std::string(call.status().reason());
}

TEST(ToCall, PassesABodyOnAsItIsWithTheCodecOfItsType) {
  http::Request post = request("POST", R"({"a": 1 ,"b":2})");
  post.fields.add("Content-Type", "application/json; charset=utf-8");

  const auto call = to_call(post, "/math/divide", milliseconds(1));

  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(call->method, "/math/divide");
  EXPECT_EQ(call->body_codec, 'j');
  EXPECT_EQ(call->body.view(), R"({"a": 1 ,"b":2})");
}

TEST(ToCall, KnowsForms) {
  http::Request post = request("POST", "a=1&b=2");
  post.fields.add("content-type", "application/x-www-form-urlencoded");

  EXPECT_EQ(to_call(post, "/m", milliseconds(1)).value().body_codec, 'f');
}

// `curl -d '{"a":1}'` says that it sends a form; services take it as JSON, and so does the gateway.
TEST(ToCall, AFormThatBeginsAsJsonIsJson) {
  http::Request post = request("POST", R"({"a":1})");
  post.fields.add("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(to_call(post, "/m", milliseconds(1)).value().body_codec, 'j');
}

TEST(ToCall, AnEmptyBodyWithoutTypeHasNoCodec) {
  EXPECT_EQ(to_call(request("POST"), "/m", milliseconds(1)).value().body_codec, wire::kNoCodec);
  EXPECT_EQ(to_call(request("GET"), "/m", milliseconds(1)).value().body_codec, wire::kNoCodec);
}

// Between peers an empty body is a missing argument; over HTTP who says JSON must send some.
TEST(ToCall, RefusesAnEmptyBodyThatSaysItIsJson) {
  http::Request post = request("POST");
  post.fields.add("Content-Type", "application/json");

  const auto call = to_call(post, "/m", milliseconds(1));

  EXPECT_EQ(call.status().code(), Code::kBadMessage);
  EXPECT_EQ(call.status().reason(), "codec.json");
}

TEST(ToCall, RefusesOtherTypesAndBodiesWithoutOne) {
  EXPECT_EQ(reason_of(request("POST", "x")), "gateway.media_type");
  for (const std::string_view type :
       {"text/plain", "application/xml", "application/json; charset=latin1", "", "json"}) {
    http::Request post = request("POST", "x");
    post.fields.add("Content-Type", type);
    const auto call = to_call(post, "/m", milliseconds(1));
    EXPECT_EQ(call.status().reason(), "gateway.media_type") << type;
    EXPECT_EQ(call.status().code(), Code{415}) << type;
  }
}

TEST(ToCall, RefusesContentCodings) {
  http::Request post = request("POST", "\x1f\x8b");
  post.fields.add("Content-Type", "application/json");
  post.fields.add("Content-Encoding", "identity");
  EXPECT_EQ(reason_of(post), "ok");
  post.fields.add("Content-Encoding", "gzip");
  EXPECT_EQ(reason_of(post), "http.content_coding");
}

TEST(ToCall, RefusesMethodsThatAreNoCalls) {
  for (const char* method : {"PUT", "DELETE", "PATCH", "TRACE", "post"}) {
    EXPECT_EQ(reason_of(request(method)), "gateway.method") << method;
  }
}

TEST(ToCall, RefusesABodyInAGet) {
  EXPECT_EQ(reason_of(request("GET", "x")), "gateway.body_in_get");
}

TEST(ToCall, RefusesAMethodLongerThanAFrameHolds) {
  EXPECT_TRUE(to_call(request("GET"), std::string(255, 'm'), milliseconds(1)).ok());
  const auto call = to_call(request("GET"), std::string(256, 'm'), milliseconds(1));
  EXPECT_EQ(call.status().reason(), "gateway.method_too_long");
}

TEST(ToCall, SaysWhoCallsForHowLongAndWhatItWantsBack) {
  const wire::Metadata metadata = metadata_of(request("GET"));

  EXPECT_EQ(metadata.get("X-Real-IP"), "10.1.2.3");
  EXPECT_EQ(metadata.get("X-Accept-Body-Codec"), "106");
  EXPECT_EQ(metadata.get("X-Fl-Timeout"), "1500");
  EXPECT_EQ(metadata.get("x-request-id"), "id1");
  EXPECT_EQ(metadata.size(), 4U);
}

TEST(ToCall, PassesHeadersOnInLowerCaseAndTheQueryAsItIs) {
  http::Request get = request("GET");
  get.fields.add("X-Caller", "Ann & Bob");
  get.fields.add("Authorization", "Bearer x");
  get.query = "Size=a%20b&flag&x-caller=later";

  const wire::Metadata metadata = metadata_of(get);

  EXPECT_EQ(metadata.get("x-caller"), "Ann & Bob");
  EXPECT_EQ(metadata.get("authorization"), "Bearer x");
  EXPECT_EQ(metadata.get("Size"), "a b");
  EXPECT_EQ(metadata.get("flag"), "");
}

// Whatever a service trusts must come from the gateway, in whatever case and by whatever way.
TEST(ToCall, StripsWhatOutsidersMustNotSay) {
  http::Request get = request("GET");
  for (const char* name :
       {"X-Real-Ip", "x-fl-timeout", "X-Fl-Refused", "X-Secure", "_uid", "X-Accept-Body-Codec",
        "hb_", "traceparent", "X-Forwarded-For", "Forwarded", "X-Consumer-ID", "X-Request-Id"}) {
    get.fields.add(name, "spoof");
    get.query += std::string(get.query.empty() ? "" : "&") + name + "=spoof";
  }

  const wire::Metadata metadata = metadata_of(get);

  EXPECT_EQ(metadata.size(), 4U);
  metadata.visit(
      [](std::string_view key, std::string_view value) { EXPECT_NE(value, "spoof") << key; });
}

TEST(ToCall, DropsFieldsOfOneHopAndOfTheContent) {
  http::Request get = request("GET");
  get.fields.add("Connection", "keep-alive, X-Mine");
  for (const char* name : {"Keep-Alive", "X-Mine", "TE", "Trailer", "Upgrade", "Proxy-Connection",
                           "Host", "Content-Length", "Content-Encoding", "Accept", "Expect"}) {
    get.fields.add(name, "x");
  }

  EXPECT_EQ(metadata_of(get).size(), 4U);
}

TEST(ToCall, RefusesMoreMetadataThanAFrameHolds) {
  http::Request get = request("GET");
  for (int i = 0; i < 8; ++i) get.fields.add("x-big", std::string(8150, 'x'));
  EXPECT_EQ(reason_of(get), "ok");

  get.fields.add("x-big", std::string(400, 'x'));
  EXPECT_EQ(reason_of(get), "gateway.metadata_too_big");
}

TEST(ToCall, RefusesAQueryWithABrokenEscape) {
  http::Request get = request("GET");
  get.query = "a=%zz";

  EXPECT_EQ(reason_of(get), "http.bad_query");
}

TEST(ToResponse, CarriesTheBodyWithTheTypeOfItsCodec) {
  const auto type_of = [](std::uint8_t codec) {
    const auto response = to_response({.body_codec = codec, .body = Bytes("b"), .metadata = ""});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.view(), "b");
    return std::string(response.fields.value_or("Content-Type", "none"));
  };

  EXPECT_EQ(type_of('j'), "application/json");
  EXPECT_EQ(type_of('s'), "text/plain");
  EXPECT_EQ(type_of(1), "application/octet-stream");
  EXPECT_EQ(type_of(wire::kNoCodec), "none");
}

TEST(ToResponse, CarriesTheTypeThatTheServiceSays) {
  const auto response = to_response(
      {.body_codec = 's', .body = Bytes("<p>"), .metadata = "content-type=text%2Fhtml"});

  ASSERT_EQ(response.fields.size(), 1U);
  EXPECT_EQ(response.fields.value_or("Content-Type", ""), "text/html");
}

TEST(ToResponse, GivesMetadataAsHeadersWhereAHeaderMayCarryIt) {
  const auto response = to_response(
      {.body_codec = 'j',
       .body = {},
       .metadata =
           "x-cost=3&Content-Type=text%2F&Content-Length=9&Connection=close&"
           "X-Fl-Refused=1&X-Request-Id=2&bad%20name=1&x-cut=a%0D%0Ab&Location=%2Fa&x-cost=4"});

  ASSERT_EQ(response.fields.size(), 3U);
  EXPECT_EQ(response.fields[0].value, "application/json");
  EXPECT_EQ(response.fields[1].name, "x-cost");
  EXPECT_EQ(response.fields[1].value, "3");
  EXPECT_EQ(response.fields[2].value, "4");
}

TEST(ToResponse, GivesAtMost64Headers) {
  rpc::Reply reply;
  for (int i = 0; i < 100; ++i) wire::append_metadata_pair(reply.metadata, "x-n", "1");

  EXPECT_EQ(to_response(reply).fields.size(), 64U);
}

}  // namespace
}  // namespace fairlead::gateway::internal
