#include "fairlead/wire/protocols/thrift_exception.h"

#include <string>

#include "fairlead/base/bytes.h"
#include "fairlead/base/check.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"

namespace fairlead::wire::internal {
namespace {

enum Type : std::int32_t { kUnknownMethod = 1, kInternalError = 6, kProtocolError = 7 };

struct ThriftException {
  Bytes message{};  // a text, but other peers write what they like
  std::int32_t type = 0;
};
FL_STRUCT(ThriftException, (1, message), (2, type))

Type type_of(Code code) {
  switch (code) {
    case Code::kNotFound:
      return kUnknownMethod;
    case Code::kBadMessage:
      return kProtocolError;
    default:
      return kInternalError;
  }
}

}  // namespace

void append_thrift_exception(Buffer& out, const Status& status) {
  const ThriftException exception{.message = Bytes::borrow(status.message()),
                                  .type = type_of(status.code())};
  FL_CHECK(codec::encode(codec::CodecId::kThrift, exception, out).ok());
}

std::optional<Status> read_thrift_exception(std::string_view body) {
  const auto exception =
      codec::decode<ThriftException>(codec::CodecId::kThrift, Bytes::borrow(body));
  if (!exception.ok()) return std::nullopt;
  const bool unknown_method = exception->type == kUnknownMethod;
  Status status(
      unknown_method ? Code::kNotFound : Code::kInternal, "thrift.exception",
      "the peer answered with a Thrift exception of type " + std::to_string(exception->type));
  return std::move(status).with_cause(exception->message.view());
}

}  // namespace fairlead::wire::internal
