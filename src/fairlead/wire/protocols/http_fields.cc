#include "fairlead/wire/protocols/http_fields.h"

#include <algorithm>
#include <cstddef>

#include "fairlead/base/text.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::wire::internal {
namespace {

struct ContentType {
  std::uint8_t codec;
  std::string_view text;
};

constexpr ContentType kContentTypes[] = {
    {kProtobufCodec, "application/x-protobuf;charset=utf-8"},
    {kJsonCodec, "application/json;charset=utf-8"},
    {'f', "application/x-www-form-urlencoded;charset=utf-8"},
    {kPlainCodec, "text/plain;charset=utf-8"},
    {'x', "text/xml;charset=utf-8"},
};

// Known keys whose canonical form is another.
constexpr std::string_view kKeysWithCase[] = {kRealIpKey, kHeartbeatKey, "traceparent",
                                              "tracestate", "baggage"};

std::string_view without_parameters(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool in_target(char c, bool of_path) {
  constexpr std::string_view kNever = "\"<>#\\^`{|}";
  return c > 0x20 && c < 0x7F && kNever.find(c) == std::string_view::npos && !(of_path && c == '%');
}

}  // namespace

std::string_view http_content_type(std::uint8_t body_codec) {
  for (const ContentType& type : kContentTypes) {
    if (type.codec == body_codec) return type.text;
  }
  return {};
}

std::uint8_t http_body_codec(std::string_view content_type) {
  for (const ContentType& type : kContentTypes) {
    if (equals_ignoring_case(without_parameters(type.text), without_parameters(content_type))) {
      return type.codec;
    }
  }
  return kNoCodec;
}

bool is_http_name(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_alphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
}

bool is_http_value(std::string_view text) {
  return trim(text).size() == text.size() &&
         std::ranges::all_of(text, [](char c) { return !is_control(c) || c == '\t'; });
}

std::string canonical_http_name(std::string_view name) {
  std::string out = to_lower(name);
  bool first = true;
  for (char& c : out) {
    if (first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    first = c == '-';
  }
  return out;
}

std::string_view metadata_key(std::string_view name) {
  for (const std::string_view key : kKeysWithCase) {
    if (equals_ignoring_case(key, name)) return key;
  }
  return name;
}

HttpTarget split_target(std::string_view target) {
  HttpTarget parts;
  const std::size_t scheme = target.find("://");
  if (scheme != std::string_view::npos && scheme < target.find_first_of("/?")) {
    target.remove_prefix(scheme + 3);
    parts.host = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(parts.host.size());
  }
  const std::size_t mark = target.find('?');
  parts.path = target.substr(0, mark);
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  return parts;
}

void append_http_target(std::string& out, std::string_view text, bool of_path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (in_target(c, of_path)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

}  // namespace fairlead::wire::internal
