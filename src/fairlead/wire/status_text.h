// Status as text: the query form of the frames and the JSON form of HTTP.
//
//   query  code=404&msg=Not%20Found&cause=...&reason=...     percent rule of metadata.h
//   JSON   {"code":404,"msg":"Not Found","cause":"...","reason":"..."}
//
// `msg` is absent from the query when empty, `cause` when there is none (an empty cause is
// written), `reason` when empty. `reason` is ours; Go peers ignore it. In JSON only `reason` may be
// absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead::wire {

inline constexpr std::string_view kStatusTextOk = "code=0";

// Appends the query form; "code=0" for OK. When it would pass `bytes_max` (at least 512), message
// and cause are cut at a character's end until it fits; code and reason always arrive, a reason
// up to 128 bytes.
void append_status_text(std::string& out, const Status& status, std::size_t bytes_max = 65535);

// Appends the JSON form. No HTML escapes.
void append_status_json(std::string& out, const Status& status);

// The JSON form, read: keys in any order, unknown ones are ignored, a missing one is zero or empty,
// and so is the cause of a status that has none. nullopt: no JSON object, or one with a value of
// another type; a code beyond 32 bits is such a value.
std::optional<Status> parse_status_json(std::string_view text);

// The query form, read: the first occurrence of each key wins, unknown keys are ignored, a code
// beyond 32 bits is clamped, no code is 0. A code that is no number is -1 (Go reads 0, which would
// turn a garbled failure into success).
struct StatusFields {
  std::int32_t code = 0;
  std::string message;
  std::optional<std::string> cause;
  std::string reason;
};
StatusFields parse_status_fields(std::string_view text);

// The same as a Status; texts of code 0 are dropped. "code=0" and "" cost one comparison.
Status parse_status_text(std::string_view text);

}  // namespace fairlead::wire
