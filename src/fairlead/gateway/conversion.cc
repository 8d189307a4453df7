#include "fairlead/gateway/conversion.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/target.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::gateway::internal {

namespace {

constexpr Code kUnsupportedMediaType{415};
constexpr std::size_t kReplyFieldsMax = 64;

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::any_of(
      names, [name](std::string_view one) { return equals_ignoring_case(name, one); });
}

template <std::size_t N>
bool begins_with(std::string_view name, const std::array<std::string_view, N>& beginnings) {
  return std::ranges::any_of(beginnings, [name](std::string_view beginning) {
    return equals_ignoring_case(name.substr(0, beginning.size()), beginning);
  });
}

// Fields of one connection (RFC 9110 section 7.6.1) or of the content, which the codec replaces.
bool is_of_the_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "connection",        "keep-alive", "te",   "trailer",
      "transfer-encoding", "upgrade",    "host", "expect"};
  static constexpr std::array<std::string_view, 2> kBeginnings = {"proxy-", "content-"};
  return is_one_of(name, kNames) || begins_with(name, kBeginnings);
}

// What only a gateway may tell a service, so that nobody outside can pretend to be one.
bool is_gateways_own(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames = {
      "x-request-id", "forwarded", "x-credential-identifier", "x-anonymous-consumer"};
  static constexpr std::array<std::string_view, 2> kBeginnings = {"x-forwarded-", "x-consumer-"};
  return wire::is_reserved_key(name) || is_one_of(name, kNames) || begins_with(name, kBeginnings);
}

// Agreed between client and gateway: the gateway asks for JSON whatever the client accepts.
bool is_negotiation(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kNames = {"accept", "accept-charset",
                                                             "accept-encoding"};
  return is_one_of(name, kNames);
}

// The fields that the Connection fields name.
std::vector<std::string_view> named_by_connection(const http::Fields& fields) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!equals_ignoring_case(fields[i].name, "connection")) continue;
    for (const std::string_view name : split(fields[i].value, ',')) names.push_back(trim(name));
  }
  return names;
}

void append_headers(std::string& out, const http::Fields& fields) {
  const std::vector<std::string_view> dropped = named_by_connection(fields);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = fields[i].name;
    if (is_of_the_hop(name) || is_gateways_own(name) || is_negotiation(name)) continue;
    if (std::ranges::any_of(
            dropped, [name](std::string_view one) { return equals_ignoring_case(name, one); })) {
      continue;
    }
    wire::append_metadata_pair(out, to_lower(name), fields[i].value);
  }
}

Result<std::string> metadata_of(const http::Request& request, Duration timeout) {
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  std::string out;
  wire::append_metadata_pair(out, wire::kRealIpKey, request.peer.host());
  wire::append_metadata_pair(out, wire::kAcceptBodyCodecKey, std::to_string(int{wire::kJsonCodec}));
  wire::append_metadata_pair(out, wire::kTimeoutKey, std::to_string(timeout_ms));
  wire::append_metadata_pair(out, "x-request-id", request.id);
  append_headers(out, request.fields);
  FL_TRY_ASSIGN(const auto pairs, http::proto::parse_query(request.query));
  for (const auto& [name, value] : pairs) {
    if (!is_gateways_own(name)) wire::append_metadata_pair(out, name, value);
  }
  if (out.size() > wire::kMetadataBytesMax) {
    return Status(Code::kTooLarge, "gateway.metadata_too_big",
                  "headers and query have " + std::to_string(out.size()) +
                      " bytes as metadata of a call; the limit is " +
                      std::to_string(wire::kMetadataBytesMax));
  }
  return out;
}

Result<std::uint8_t> body_codec_of(const http::Request& request) {
  const std::optional<std::string_view> type = request.fields.find("Content-Type");
  if (!type.has_value() && request.body.empty()) return wire::kNoCodec;
  std::optional<codec::CodecId> codec;
  if (type.has_value()) codec = codec::codec_of_content_type(*type);
  if (codec == codec::CodecId::kJson && request.body.empty()) {
    return Status(Code::kBadMessage, "codec.json", "the body: wanted JSON, got an empty body");
  }
  if (codec == codec::CodecId::kJson || codec == codec::CodecId::kForm) {
    return static_cast<std::uint8_t>(*codec);
  }
  const std::string got = type.has_value() ? "Content-Type '" + escape_text(*type) + "'"
                                           : "a body without Content-Type";
  return Status(kUnsupportedMediaType, "gateway.media_type",
                got +
                    " is not understood: send application/json or "
                    "application/x-www-form-urlencoded in UTF-8");
}

// A token, and a value of visible characters: less than a head may hold, so that nothing surprises
// whoever reads it.
bool fits_in_header(std::string_view name, std::string_view value) {
  return http::proto::is_all(name, http::proto::kTokenChar) && trim(value) == value &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

bool may_leave_as_header(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kNames = {"date", "server", "location"};
  return !is_of_the_hop(name) && !is_gateways_own(name) && !is_one_of(name, kNames);
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
  const std::optional<codec::CodecId> codec = codec::find_codec(reply.body_codec);
  if (reply.body_codec != wire::kNoCodec) {
    response.fields.add("Content-Type", codec.has_value() ? codec::content_type_of(*codec)
                                                          : "application/octet-stream");
  }
  const Result<wire::Metadata> metadata = wire::parse_metadata_text(reply.metadata);
  if (!metadata.ok()) return response;  // more pairs than anybody reads
  std::size_t added = 0;
  metadata->visit([&](std::string_view name, std::string_view value) {
    if (added == kReplyFieldsMax || !may_leave_as_header(name) || !fits_in_header(name, value)) {
      return;
    }
    response.fields.add(name, value);
    ++added;
  });
  return response;
}

}  // namespace fairlead::gateway::internal
