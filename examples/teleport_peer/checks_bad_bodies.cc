// A body that cannot be read costs its own call a 400 and nothing else; an empty one is the zero
// value of whatever is wanted.
#include <string>
#include <string_view>

#include "bodies.h"
#include "checks.h"

namespace teleport_peer {
namespace {

using fl::CodecId;

struct BadBody {
  const char* name;
  const char* service;
  CodecId codec;
  std::string_view body;
};

fl::Task<fl::Status> expect_refusal(Caller& caller, BadBody bad) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  auto call = caller.call(caller.names()("Echo", bad.service), bad.codec, bad.body);
  const fl::Result<fl::Reply> reply = co_await call;
  FL_CO_TRY(expect("refused", reply.ok(), false));
  FL_CO_TRY(expect("code", static_cast<std::int32_t>(reply.status().code()), 400));
  FL_CO_TRY(expect("says why", reply.status().message().empty(), false));
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

// What a peer sends that has no argument.
fl::Task<fl::Status> expect_zero_value(Caller& caller, std::string_view body) {
  auto call = caller.call(caller.names()("Echo", "Obj"), CodecId::kJson, body);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY_ASSIGN(const Obj got, fl::codec::decode<Obj>(CodecId::kJson, reply.body));
  const Obj want{.num = 1};
  co_return expect("object", got, want);
}

}  // namespace

void add_bad_body_checks(const Flags& flags, Checks& checks) {
  using namespace std::string_view_literals;
  static constexpr BadBody kBodies[] = {
      {"json", "Obj", CodecId::kJson, "{bad"sv},
      {"json_type", "Obj", CodecId::kJson, R"({"num":"seven"})"sv},
      {"protobuf", "Pb", CodecId::kProtobuf, "\x08"sv},
      {"form", "Obj", CodecId::kForm, "num=seven"sv},
      {"xml", "Obj", CodecId::kXml, "<Obj><num>7</Obj>"sv},
      {"thrift", "Thrift", CodecId::kThrift, "\x0b\x00\x01\x00"sv},
      {"unknown_codec", "Obj", static_cast<CodecId>('Z'), "x"sv},
  };
  for (const BadBody& bad : kBodies) {
    checks.push_back({std::string("bad_body/") + bad.name,
                      [&bad](Caller& caller) { return expect_refusal(caller, bad); }});
  }
  if (!wants(flags, CodecId::kJson)) return;
  checks.push_back({"empty_body", [](Caller& caller) { return expect_zero_value(caller, ""); }});
  checks.push_back({"null_body", [](Caller& caller) { return expect_zero_value(caller, "null"); }});
}

}  // namespace teleport_peer
