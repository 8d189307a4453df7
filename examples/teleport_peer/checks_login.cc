// What a server with a login answers to the right token, to another one, and to none.
#include <string>

#include "checks.h"

namespace teleport_peer {
namespace {

fl::Task<fl::Result<fl::Reply>> any_call(Caller& caller) {
  return caller.call(caller.names()("Echo", "Bytes"), fl::CodecId::kPlain, "x");
}

}  // namespace

Checks refused_login_checks() {
  return {{"auth/wrong_token", [](Caller& caller) -> fl::Task<fl::Status> {
             auto call = any_call(caller);
             const fl::Result<fl::Reply> reply = co_await call;
             FL_CO_TRY(expect("served", reply.ok(), false));
             FL_CO_TRY(expect("code", static_cast<std::int32_t>(reply.status().code()), 403));
             const std::string* cause = reply.status().cause();
             co_return expect("cause", cause == nullptr ? "" : *cause, "auth fail detail");
           }}};
}

Checks missing_login_checks() {
  return {{"auth/no_login", [](Caller& caller) -> fl::Task<fl::Status> {
             auto call = any_call(caller);
             const fl::Result<fl::Reply> reply = co_await call;
             co_return expect("served", reply.ok(), false);
           }}};
}

}  // namespace teleport_peer
