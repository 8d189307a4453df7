#include "caller.h"

#include <optional>

namespace teleport_peer {

fl::Status expect_status(const fl::Result<fl::Reply>& reply, std::int32_t code,
                         std::string_view message, const char* cause) {
  const fl::Status status = reply.ok() ? fl::Status() : reply.status();
  FL_TRY(expect("code", static_cast<std::int32_t>(status.code()), code));
  FL_TRY(expect("message", std::string(status.message()), std::string(message)));
  const std::string none("(none)");
  return expect("cause", status.cause() == nullptr ? none : *status.cause(),
                cause == nullptr ? none : std::string(cause));
}

fl::Task<fl::Result<std::int64_t>> number_of_call(const Caller& caller) {
  auto call = caller.call(caller.names()("Echo", "Seq"), fl::CodecId::kPlain, "x");
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  const std::optional<std::int64_t> number = fl::parse_int64(reply.body.view());
  if (!number.has_value()) {
    co_return differs("the number of the call: got " + shown(reply.body.view()));
  }
  co_return *number;
}

fl::Task<fl::Status> expect_same_session(const Caller& caller, std::int64_t before) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t after, co_await number);
  FL_CO_TRY(expect("the session is the same", after > before, true));
  co_return fl::Status();
}

}  // namespace teleport_peer
