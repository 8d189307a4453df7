// Bodies in every codec, there and back, and in the codec that the reply was asked for.
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "bodies.h"
#include "checks.h"
#include "hello_message.h"

namespace teleport_peer {
namespace {

using fl::CodecId;

// Bytes pass by every codec, known or not.
fl::Task<fl::Status> echo_bytes(Caller& caller, CodecId codec, std::string body) {
  auto call = caller.call(caller.names()("Echo", "Bytes"), codec, body);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect("body", std::string(reply.body.view()), body));
  co_return expect_codec(reply, codec);
}

fl::Task<fl::Status> echo_text(Caller& caller, CodecId codec, std::string text) {
  auto asked = ask<std::string>(caller, caller.names()("Echo", "Str"), codec, text);
  FL_CO_TRY_ASSIGN(const std::string got, co_await asked);
  co_return expect("text", got, text);
}

fl::Task<fl::Status> echo_object(Caller& caller, CodecId codec, Obj object) {
  auto asked = ask<Obj>(caller, caller.names()("Echo", "Obj"), codec, object);
  FL_CO_TRY_ASSIGN(const Obj got, co_await asked);
  ++object.num;
  co_return expect("object", got, object);
}

fl::Task<fl::Status> echo_pair(Caller& caller, Pair in, Pair want) {
  auto asked = ask<Pair>(caller, caller.names()("Echo", "Pb"), CodecId::kProtobuf, in);
  FL_CO_TRY_ASSIGN(const Pair got, co_await asked);
  co_return expect("sum and difference", got, want);
}

fl::Task<fl::Status> sign(Caller& caller, std::string author) {
  const Author in{.author = author};
  auto asked = ask<Author>(caller, caller.names()("Echo", "Thrift"), CodecId::kThrift, in);
  FL_CO_TRY_ASSIGN(const Author got, co_await asked);
  co_return expect("author", got.author, author + "->OK");
}

// Pairs may come back in any order of keys, but not of the values of one key.
fl::Task<fl::Status> echo_form_values(Caller& caller) {
  const std::string sent = "a=1&b=x+y&b=z%26%3D&e=&%C3%BC=%E4%B8%96";
  auto call = caller.call(caller.names()("Echo", "Form"), CodecId::kForm, sent);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY_ASSIGN(const fl::wire::Metadata got, fl::wire::parse_metadata_text(reply.body.view()));
  FL_CO_TRY_ASSIGN(const fl::wire::Metadata want, fl::wire::parse_metadata_text(sent));
  FL_CO_TRY(expect("number of values", got.size(), want.size()));
  for (const auto& [key, value] : want.pairs()) {
    std::string of_key_got;
    std::string of_key_want;
    for (const auto& pair : got.pairs()) of_key_got += pair.first == key ? pair.second + "|" : "";
    for (const auto& pair : want.pairs()) of_key_want += pair.first == key ? pair.second + "|" : "";
    FL_CO_TRY(expect("values of " + key, of_key_got, of_key_want));
  }
  co_return expect_codec(reply, CodecId::kForm);
}

fl::Task<fl::Status> hello(Caller& caller) {
  HelloMessage message = benchmark_message();
  fl::Buffer body;
  FL_CO_TRY(fl::codec::encode(CodecId::kProtobuf, message, body));
  FL_CO_TRY(expect("bytes of the message", body.size(), 581U));
  auto asked = ask<HelloMessage>(caller, "Hello.Say", CodecId::kProtobuf, message);
  FL_CO_TRY_ASSIGN(const HelloMessage got, co_await asked);
  message.field1 = "OK";
  message.field2 = 100;
  co_return expect("message", got, message);
}

// The reply comes in the codec of X-Accept-Body-Codec when that is one, else in the request's.
fl::Task<fl::Status> accept(Caller& caller, CodecId codec, std::string accepted, CodecId wanted) {
  auto asked = ask_for<Obj>(wanted, caller, caller.names()("Echo", "Accept"), codec,
                            fl::Bytes(std::string_view("x")),
                            fl::with_meta(fl::wire::kAcceptBodyCodecKey, accepted));
  FL_CO_TRY_ASSIGN(const Obj got, co_await asked);
  const Obj want{.name = "accept", .num = 7, .flag = true, .rate = 1.5};
  co_return expect("object", got, want);
}

fl::Task<fl::Status> accept_pair(Caller& caller) {
  const std::string protobuf = std::to_string(static_cast<int>(CodecId::kProtobuf));
  auto asked = ask_for<Pair>(CodecId::kProtobuf, caller, caller.names()("Echo", "AcceptPb"),
                             CodecId::kPlain, fl::Bytes(std::string_view("x")),
                             fl::with_meta(fl::wire::kAcceptBodyCodecKey, protobuf));
  FL_CO_TRY_ASSIGN(const Pair got, co_await asked);
  const Pair want{.a = 3, .b = -4};
  co_return expect("numbers", got, want);
}

std::string all_bytes() {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  return all;
}

std::string a_mebibyte() {
  std::string body;
  while (body.size() < 1U << 20) body += "0123456789abcdef";
  return body;
}

void add_bytes_checks(const Flags& flags, Checks& checks) {
  const auto add = [&](std::string name, CodecId codec, std::string body) {
    checks.push_back({"bytes/" + std::move(name), [codec, body = std::move(body)](Caller& caller) {
                        return echo_bytes(caller, codec, body);
                      }});
  };
  for (const CodecId codec : {CodecId::kJson, CodecId::kProtobuf, CodecId::kForm, CodecId::kPlain,
                              CodecId::kThrift, CodecId::kXml}) {
    if (wants(flags, codec)) add(std::string(codec_name(codec)), codec, "hello world");
  }
  add("empty", CodecId::kPlain, "");
  add("quotes", CodecId::kPlain, "say \"hi\"");
  add("backslash", CodecId::kPlain, R"(a\b\\c\n)");
  add("binary", CodecId::kPlain, all_bytes());
  add("mebibyte", CodecId::kPlain, a_mebibyte());
  add("unknown_codec", static_cast<CodecId>('Z'), "x");
}

void add_text_checks(const Flags& flags, Checks& checks) {
  const std::pair<const char*, const char*> texts[] = {{"", "hello world"},
                                                       {"/empty", ""},
                                                       {"/unicode", "Grüße, 世界 😀"},
                                                       {"/escapes", "a\"b\\c\n\t<&>"}};
  for (const CodecId codec : {CodecId::kJson, CodecId::kPlain}) {
    if (!wants(flags, codec)) continue;
    for (const auto& each : texts) {
      checks.push_back(
          {"str/" + std::string(codec_name(codec)) + each.first,
           [codec, text = each.second](Caller& caller) { return echo_text(caller, codec, text); }});
    }
  }
}

void add_object_checks(const Flags& flags, Checks& checks) {
  const std::pair<const char*, Obj> objects[] = {
      {"", {.name = "a name", .num = 7, .flag = true, .rate = 1.5}},
      {"/zero", {}},
      {"/limits",
       {.name = "世界", .num = std::numeric_limits<std::int64_t>::min(), .rate = -1e300}},
      {"/special", {.name = "a&b=c <d> 'e' +%", .num = 1, .flag = true, .rate = 0.1}},
      {"/quotes", {.name = R"("q" \ back)", .num = 1, .flag = true, .rate = 0.1}}};
  for (const CodecId codec : {CodecId::kJson, CodecId::kForm, CodecId::kXml}) {
    if (!wants(flags, codec)) continue;
    for (const auto& each : objects) {
      checks.push_back({"obj/" + std::string(codec_name(codec)) + each.first,
                        [codec, object = each.second](Caller& caller) {
                          return echo_object(caller, codec, object);
                        }});
    }
    checks.push_back({"accept/" + std::string(codec_name(codec)), [codec](Caller& caller) {
                        return accept(caller, CodecId::kPlain,
                                      std::to_string(static_cast<int>(codec)), codec);
                      }});
  }
  for (const char* no_codec : {"0", "90", "0106", "json", "300"}) {
    checks.push_back({"accept/ignored_" + std::string(no_codec), [no_codec](Caller& caller) {
                        return accept(caller, CodecId::kJson, no_codec, CodecId::kJson);
                      }});
  }
}

void add_pair_checks(Checks& checks) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();
  const auto add = [&](const char* name, Pair in, Pair want) {
    checks.push_back({std::string("pb") + name,
                      [in, want](Caller& caller) { return echo_pair(caller, in, want); }});
  };
  add("", {.a = 1, .b = 2}, {.a = 3, .b = -1});
  add("/negative", {.a = -5, .b = 7}, {.a = 2, .b = -12});
  add("/zero", {}, {});
  add("/limits", {.a = kMax, .b = kMin}, {.a = -1, .b = -1});
}

}  // namespace

void add_body_checks(const Flags& flags, Checks& checks) {
  add_bytes_checks(flags, checks);
  add_text_checks(flags, checks);
  add_object_checks(flags, checks);
  if (wants(flags, CodecId::kForm)) checks.push_back({"form/values", echo_form_values});
  if (wants(flags, CodecId::kProtobuf)) {
    add_pair_checks(checks);
    checks.push_back({"accept_pb", accept_pair});
    checks.push_back({"hello", hello});
  }
  if (!wants(flags, CodecId::kThrift)) return;
  constexpr std::pair<const char*, const char*> kAuthors[] = {
      {"text", "teleport"}, {"empty", ""}, {"unicode", "世界"}, {"quotes", "say \"q\""}};
  for (const auto& each : kAuthors) {
    checks.push_back({std::string("thrift/") + each.first,
                      [each](Caller& caller) { return sign(caller, each.second); }});
  }
}

}  // namespace teleport_peer
