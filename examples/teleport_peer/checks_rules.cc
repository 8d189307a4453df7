// The rules of an argument's fields, each with its own code and text.
#include <string>

#include "checks.h"

namespace teleport_peer {
namespace {

struct RuleCase {
  const char* name;
  const char* body;
  const char* mm;  // metadata; nullptr: none
  std::int32_t code;
  const char* answer;  // the reply's text, or the status's message
};

fl::Task<fl::Status> check_rules(Caller& caller, RuleCase of) {
  const std::string method = caller.names()("Bind", "Check");
  auto call = of.mm == nullptr
                  ? caller.call(method, fl::CodecId::kJson, of.body)
                  : caller.call(method, fl::CodecId::kJson, of.body, fl::with_meta("mm", of.mm));
  const fl::Result<fl::Reply> reply = co_await call;
  if (of.code != 0) {
    FL_CO_TRY(expect("refused", reply.ok(), false));
    FL_CO_TRY(expect("code", static_cast<std::int32_t>(reply.status().code()), of.code));
    FL_CO_TRY(expect("message", std::string(reply.status().message()), of.answer));
    co_return expect("says which field", reply.status().cause() != nullptr, true);
  }
  if (!reply.ok()) co_return reply.status();
  FL_CO_TRY_ASSIGN(const std::string text,
                   fl::codec::decode<std::string>(fl::CodecId::kJson, reply->body));
  co_return expect("reply", text, of.answer);
}

}  // namespace

void add_rule_checks(const Flags& flags, Checks& checks) {
  if (!wants(flags, fl::CodecId::kJson)) return;
  static constexpr RuleCase kCases[] = {
      {"ok", R"({"a":7,"s":"four"})", "meta", 0, "ok:7:four:meta"},
      {"range", R"({"a":101,"s":"four"})", "meta", 400, "Invalid Parameter"},
      {"range_low", R"({"s":"four"})", "meta", 400, "Invalid Parameter"},
      {"own_status", R"({"a":7,"s":"toolong"})", "meta", 100002, "wrong length"},
      {"nonzero", R"({"a":7,"s":"four"})", nullptr, 400, "Invalid Parameter"},
      {"first_failure_wins", R"({"a":0,"s":""})", nullptr, 400, "Invalid Parameter"},
  };
  for (const RuleCase& of : kCases) {
    checks.push_back({std::string("bind/") + of.name,
                      [&of](Caller& caller) { return check_rules(caller, of); }});
  }
}

}  // namespace teleport_peer
