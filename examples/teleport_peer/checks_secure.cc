// Secure bodies in the form of --secure-form: sealed calls, sealed replies, and bodies that cannot
// be opened.
#include <string>
#include <string_view>
#include <utility>

#include <fairlead/wire/secure/secure_flags.h>

#include "bodies.h"
#include "checks.h"
#include "settings.h"

namespace teleport_peer {
namespace {

using fl::CodecId;
using fl::wire::SecureForm;

const Obj kSecret{.name = "secret", .num = 1, .flag = true, .rate = 0.5};

// `reply_form`: how the reply must come.
template <class... Words>
fl::Task<fl::Status> echo_secret(Caller& caller, CodecId codec, SecureForm reply_form,
                                 Words... words) {
  fl::Buffer body;
  FL_CO_TRY(fl::codec::encode(codec, kSecret, body));
  auto call = caller.call(caller.names()("Echo", "Obj"), codec, body.view(), words...);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY_ASSIGN(const Obj got, fl::codec::decode<Obj>(codec, reply.body));
  Obj want = kSecret;
  want.num = 2;
  FL_CO_TRY(expect("object", got, want));
  const auto said = fl::wire::find_in_encoded(reply.metadata, fl::wire::kSecureKey);
  co_return expect("X-Secure of the reply", said.value_or(""),
                   std::string(fl::wire::secure_value_of(reply_form)));
}

fl::Task<fl::Status> sealed_pair(Caller& caller, SecureForm form) {
  const Pair in{.a = 9, .b = 4};
  auto asked =
      ask<Pair>(caller, caller.names()("Echo", "Pb"), CodecId::kProtobuf, in, fl::sealed(form));
  FL_CO_TRY_ASSIGN(const Pair got, co_await asked);
  const Pair want{.a = 13, .b = 5};
  co_return expect("sum and difference", got, want);
}

fl::Task<fl::Status> sealed_error(Caller& caller, SecureForm form) {
  auto call = caller.call(caller.names()("Echo", "Status"), CodecId::kJson, "{}", fl::sealed(form),
                          fl::with_meta("code", "1001"), fl::with_meta("msg", "e"));
  const fl::Result<fl::Reply> reply = co_await call;
  co_return expect_status(reply, 1001, "e");
}

// The call is refused, and the session goes on.
fl::Task<fl::Status> expect_refused(Caller& caller, fl::Task<fl::Result<fl::Reply>> call) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  const fl::Result<fl::Reply> reply = co_await call;
  FL_CO_TRY(expect("refused", reply.ok(), false));
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

}  // namespace

void add_secure_checks(const Flags& flags, Checks& checks) {
  const SecureForm form = form_of(flags);
  const std::string asked(fl::wire::secure_value_of(form));
  checks.push_back({"secure/sealed", [form](Caller& caller) {
                      return echo_secret(caller, CodecId::kJson, form, fl::sealed(form));
                    }});
  checks.push_back({"secure/plain_answer", [form](Caller& caller) {
                      return echo_secret(caller, CodecId::kJson, SecureForm::kPlain,
                                         fl::sealed(form),
                                         fl::with_meta(fl::wire::kAcceptSecureKey, "false"));
                    }});
  checks.push_back({"secure/sealed_answer_to_plain", [form, asked](Caller& caller) {
                      return echo_secret(caller, CodecId::kJson, form,
                                         fl::with_meta(fl::wire::kAcceptSecureKey, asked));
                    }});
  checks.push_back({"secure/none", [](Caller& caller) {
                      return echo_secret(caller, CodecId::kJson, SecureForm::kPlain);
                    }});
  checks.push_back({"secure/transforms", [form](Caller& caller) {
                      return echo_secret(caller, CodecId::kJson, form, fl::sealed(form),
                                         fl::with_transforms(caller.flags().filters + "gm"));
                    }});
  checks.push_back(
      {"secure/protobuf", [form](Caller& caller) { return sealed_pair(caller, form); }});
  checks.push_back(
      {"secure/error_reply", [form](Caller& caller) { return sealed_error(caller, form); }});
}

Checks wrong_key_checks() {
  return {{"secure/wrong_key", [](Caller& caller) {
             return expect_refused(caller,
                                   caller.call(caller.names()("Echo", "Obj"), CodecId::kJson, "{}",
                                               fl::sealed(form_of(caller.flags()))));
           }}};
}

// A client without keys writes what it likes into a body that says that it is secure.
Checks damaged_body_checks() {
  Checks checks;
  const auto add = [&](const char* name, std::string_view body) {
    checks.push_back({std::string("secure/damaged_") + name, [body](Caller& caller) {
                        const std::string form(fl::wire::secure_value_of(form_of(caller.flags())));
                        return expect_refused(
                            caller,
                            caller.call(caller.names()("Echo", "Obj"), CodecId::kJson, body,
                                        fl::with_meta(fl::wire::kSecureKey, form),
                                        fl::with_meta(fl::wire::kAcceptSecureKey, "false")));
                      }});
  };
  add("version", R"({"cipherversion":"1","ciphertext":"00"})");
  add("message", "{bad");
  return checks;
}

}  // namespace teleport_peer
