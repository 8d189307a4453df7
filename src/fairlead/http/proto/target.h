// Request targets: their four forms, the one path rule, and queries (RFC 9112 section 3.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/http/proto/refusal.h"

namespace fairlead::http::proto {

enum class TargetForm : std::uint8_t {
  kOrigin,     // /a/b?c
  kAbsolute,   // http://host/a/b?c
  kAuthority,  // host:port, only with CONNECT
  kAsterisk,   // *, only with OPTIONS
};

// Views into the target that was parsed.
struct Target {
  TargetForm form = TargetForm::kOrigin;
  std::string_view scheme;     // of kAbsolute, as sent
  std::string_view authority;  // of kAbsolute and kAuthority
  std::string_view path;       // still escaped; "/" when an absolute target has none; "*"
  std::string_view query;      // still escaped, without the '?'
  bool has_query = false;      // "/a?" has an empty one
};

// Takes `target` apart. Bytes outside the classes kPathChar and kQueryChar are refused: so a '#',
// a backslash in the path, blanks, control bytes and anything above ASCII.
// Errors: kBadTarget.
Refusal parse_target(std::string_view method, std::string_view target, Target& out);

// True for "host", "host:port", "[v6]:port" without user information. RFC 3986 section 3.2.
bool is_authority(std::string_view text);

// The one path rule. Applied once, before anything is matched; what is matched is what is used.
//
//   1. Every %XX is decoded once, so that "%2561" becomes "%61" and stays so. A '%' without two
//      hexadecimal digits is refused.
//   2. A decoded slash, backslash or control byte (0x00-0x1F, 0x7F) is refused: it would mean one
//      thing here and another behind us.
//   3. Runs of slashes become one slash; a slash at the end stays.
//   4. A segment that is "." or ".." after decoding is refused. Clients resolve dots themselves
//      (RFC 3986 section 5.2.4); only somebody who wants to climb sends them.
//
// `path` begins with '/'. Writes the plain path to `out`. Errors: kBadPath.
Refusal normalize_path(std::string_view path, std::string& out);

// The inverse for writing a target: escapes every byte that may not stand in a path, and '%'.
void append_escaped_path(std::string& out, std::string_view plain);

struct QueryPair {
  std::string name;
  std::string value;
};

// "a=1&b=x%20y+z": pairs in their order, '+' is a blank, a name alone has an empty value, empty
// pairs are left out. At most `pairs_max` pairs. Errors: kBadQuery as a Status (400).
Result<std::vector<QueryPair>> parse_query(std::string_view query, std::size_t pairs_max = 256);

}  // namespace fairlead::http::proto
