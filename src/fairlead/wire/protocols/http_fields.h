// Parts of erpc's HTTP form: names, values, content types, targets. Private to the room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::wire::internal {

// The content type that a body of this codec is sent with; empty when there is none (Thrift) and
// for a message without a body.
std::string_view http_content_type(std::uint8_t body_codec);
// The codec of a content type, whose parameters do not matter; kNoCodec when it is not known.
std::uint8_t http_body_codec(std::string_view content_type);

// RFC 9110 5.6.2: what may stand before the colon.
bool is_http_name(std::string_view text);
// What comes back as it was sent: no control bytes, no blank at either end.
bool is_http_value(std::string_view text);

// The form of Go's textproto.CanonicalMIMEHeaderKey: x-rEAL-ip is X-Real-Ip.
std::string canonical_http_name(std::string_view name);
// The key that a name stands for. Canonical names lose the case of a key, and with it the address
// of a caller behind a proxy: the keys that the framework knows get their own spelling back, the
// others stay as they came.
std::string_view metadata_key(std::string_view name);

// A method as a request line has it: "http://host/path?query" is three parts, "/path" is one.
struct HttpTarget {
  std::string_view host{};
  std::string_view path{};
  std::string_view query{};
};
HttpTarget split_target(std::string_view target);

// Appends `text` with every byte escaped that a request line cannot have. In a path % is such a
// byte; a query has been escaped by whoever wrote it.
void append_http_target(std::string& out, std::string_view text, bool of_path);

}  // namespace fairlead::wire::internal
