#include "fairlead/gateway/conversion.h"

#include <optional>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/rpc/http_mapping.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::gateway::internal {

namespace {

Result<std::string> metadata_of(const http::Request& request, Duration timeout) {
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  std::string out;
  wire::append_metadata_pair(out, wire::kRealIpKey, request.peer.host());
  wire::append_metadata_pair(out, wire::kAcceptBodyCodecKey, std::to_string(int{wire::kJsonCodec}));
  wire::append_metadata_pair(out, wire::kTimeoutKey, std::to_string(timeout_ms));
  wire::append_metadata_pair(out, rpc::kRequestIdKey, request.id);
  rpc::append_field_metadata(out, request.fields, rpc::TraceFields::kDrop);
  FL_TRY(rpc::append_query_metadata(out, request.query));
  if (out.size() > wire::kMetadataBytesMax) {
    return Status(Code::kTooLarge, "gateway.metadata_too_big",
                  "headers and query have " + std::to_string(out.size()) +
                      " bytes as metadata of a call; the limit is " +
                      std::to_string(wire::kMetadataBytesMax));
  }
  return out;
}

// As for RPC over HTTP, but JSON and forms alone, and a body must say what it is.
Result<std::uint8_t> body_codec_of(const http::Request& request) {
  constexpr auto kForm = static_cast<std::uint8_t>(codec::CodecId::kForm);
  const std::optional<std::string_view> type = request.fields.find("Content-Type");
  Result<std::uint8_t> codec = rpc::body_codec_of(request.fields, request.body.view());
  if (!codec.ok() && codec.status().reason() != rpc::kMediaTypeReason) return codec;
  if (codec.ok()) {
    if (*codec == wire::kNoCodec) return codec;
    if (type.has_value() && (*codec == wire::kJsonCodec || *codec == kForm)) return codec;
  }
  const std::string got = type.has_value() ? "Content-Type '" + escape_text(*type) + "'"
                                           : "a body without Content-Type";
  return Status(rpc::kUnsupportedMediaType, "gateway.media_type",
                got + " is not understood: send, in UTF-8, " + std::string(kMediaTypes));
}

}  // namespace

Result<upstream::RawRequest> to_call(const http::Request& request, std::string_view method,
                                     Duration timeout) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (!get && request.method != "POST") {
    return Status(Code::kKindNotAllowed, "gateway.method",
                  escape_text(request.method, 40) + " is not possible here: send " +
                      std::string(kAllowedMethods));
  }
  if (get && !request.body.empty()) {
    return Status(Code::kBadMessage, "gateway.body_in_get",
                  request.method + " with a body has no meaning: send POST");
  }
  if (method.size() > wire::kMethodBytesMax) {
    return Status(Code::kNotFound, "gateway.method_too_long",
                  "no method has a name of " + std::to_string(method.size()) +
                      " bytes; the limit is " + std::to_string(wire::kMethodBytesMax));
  }
  upstream::RawRequest call;
  if (!get) {
    FL_TRY_ASSIGN(call.body_codec, body_codec_of(request));
  }
  FL_TRY_ASSIGN(call.metadata, metadata_of(request, timeout));
  call.method = method;
  call.body = request.body;
  return call;
}

http::Response to_response(const rpc::Reply& reply) {
  http::Response response;
  response.body = reply.body;
  std::string told;
  const std::string_view type = rpc::reply_content_type(reply.body_codec, reply.metadata, told);
  if (!type.empty()) response.fields.add("Content-Type", type);
  rpc::append_reply_fields(response.fields, reply.metadata);
  return response;
}

}  // namespace fairlead::gateway::internal
