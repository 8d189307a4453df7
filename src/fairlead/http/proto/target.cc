#include "fairlead/http/proto/target.h"

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {
namespace {

// "/a?b" into path and query.
Refusal split_path(std::string_view text, Target& out) {
  std::size_t end = 0;
  while (end < text.size() && is_char(text[end], kPathChar)) ++end;
  out.path = text.substr(0, end);
  if (end == text.size()) return Refusal::kNone;
  if (text[end] != '?') return Refusal::kBadTarget;
  out.has_query = true;
  out.query = text.substr(end + 1);
  return out.query.empty() || is_all(out.query, kQueryChar) ? Refusal::kNone : Refusal::kBadTarget;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + (c - '0');
  }
  return port <= 65535;
}

Refusal parse_absolute(std::string_view target, Target& out) {
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return Refusal::kBadTarget;
  out.form = TargetForm::kAbsolute;
  out.scheme = target.substr(0, colon);
  if (!equals_ignoring_case(out.scheme, "http") && !equals_ignoring_case(out.scheme, "https")) {
    return Refusal::kBadTarget;
  }
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  out.authority = rest.substr(0, end);
  if (!is_authority(out.authority)) return Refusal::kBadTarget;
  if (const Refusal bad =
          split_path(end == std::string_view::npos ? std::string_view() : rest.substr(end), out);
      bad != Refusal::kNone) {
    return bad;
  }
  if (out.path.empty()) out.path = "/";
  return Refusal::kNone;
}

// The byte at `at`, which is moved past it or past its escape; -1 when the escape is broken.
int next_decoded(std::string_view text, std::size_t& at) {
  if (text[at] != '%') return static_cast<std::uint8_t>(text[at++]);
  if (text.size() - at < 3) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  if (high < 0 || low < 0) return -1;
  at += 3;
  return high * 16 + low;
}

bool decode_query_text(std::string_view text, std::string& out) {
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '+') {
      out += ' ';
      ++at;
      continue;
    }
    const int byte = next_decoded(text, at);
    if (byte < 0) return false;
    out += static_cast<char>(byte);
  }
  return true;
}

// True: the path is what it becomes. Nothing is escaped, and no segment is empty or begins with a
// dot.
bool is_plain_path(std::string_view path) {
  char before = 0;
  for (const char c : path) {
    if (c <= ' ' || c == 0x7F || c == '%' || c == '\\') return false;
    if (before == '/' && (c == '/' || c == '.')) return false;
    before = c;
  }
  return true;
}

}  // namespace

Refusal parse_target(std::string_view method, std::string_view target, Target& out) {
  out = {};
  if (method == "CONNECT") {
    out.form = TargetForm::kAuthority;
    out.authority = target;
    const bool has_port = target.rfind(':') != std::string_view::npos && target.back() != ']';
    return is_authority(target) && has_port ? Refusal::kNone : Refusal::kBadTarget;
  }
  if (target == "*") {
    out.form = TargetForm::kAsterisk;
    out.path = target;
    return method == "OPTIONS" ? Refusal::kNone : Refusal::kBadTarget;
  }
  if (target.starts_with('/')) return split_path(target, out);
  return parse_absolute(target, out);
}

bool is_authority(std::string_view text) {
  if (text.empty()) return false;
  std::size_t host_end = 0;
  if (text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (const char c : text.substr(1, close - 1)) {
      if (!is_char(c, kHexChar) && c != ':' && c != '.') return false;
    }
    host_end = close + 1;
  } else {
    while (host_end < text.size() && is_char(text[host_end], kHostChar)) ++host_end;
    if (host_end == 0) return false;
  }
  if (host_end == text.size()) return true;
  return text[host_end] == ':' && is_port(text.substr(host_end + 1));
}

Refusal normalize_path(std::string_view path, std::string& out) {
  out.clear();
  if (!path.starts_with('/')) return Refusal::kBadPath;
  if (is_plain_path(path)) {
    out.assign(path);
    return Refusal::kNone;
  }
  out.reserve(path.size());
  std::size_t segment = 0;  // where the segment begins in `out`
  const auto dots = [&] {
    const std::string_view name = std::string_view(out).substr(segment);
    return name == "." || name == "..";
  };
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] == '/') {
      ++at;
      if (dots()) return Refusal::kBadPath;
      if (!out.ends_with('/')) out += '/';
      segment = out.size();
      continue;
    }
    const int byte = next_decoded(path, at);
    if (byte < 0x20 || byte == '/' || byte == '\\' || byte == 0x7F) return Refusal::kBadPath;
    out += static_cast<char>(byte);
  }
  return dots() ? Refusal::kBadPath : Refusal::kNone;
}

void append_escaped_path(std::string& out, std::string_view plain) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : plain) {
    if (is_char(c, kPathChar) && c != '%' && c != '[' && c != ']' && c != '|') {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
}

Result<std::vector<QueryPair>> parse_query(std::string_view query, std::size_t pairs_max) {
  std::vector<QueryPair> pairs;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view text = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (text.empty()) continue;
    if (pairs.size() == pairs_max) return to_status(Refusal::kBadQuery);
    const std::size_t equals = text.find('=');
    QueryPair& pair = pairs.emplace_back();
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
    if (!decode_query_text(text.substr(0, equals), pair.name) ||
        !decode_query_text(value, pair.value)) {
      return to_status(Refusal::kBadQuery);
    }
  }
  return pairs;
}

}  // namespace fairlead::http::proto
