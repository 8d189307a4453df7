// Small text helpers: numbers, sizes, durations, names, percent escapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/time.h"

namespace fairlead {

// Decimal integers without blanks, plus sign or leading text; nullopt when `text` is not wholly a
// number or does not fit.
std::optional<std::int64_t> parse_int64(std::string_view text);
std::optional<std::uint64_t> parse_uint64(std::string_view text);
std::optional<double> parse_double(std::string_view text);

// "250ms", "1.5s", "2m", "1h", "10us"; a unit is required except for "0". Never negative.
std::optional<Duration> parse_duration(std::string_view text);
// "512", "64KiB", "8MiB", "1GiB", also KB, MB, GB as powers of 1000; nullopt on overflow.
std::optional<std::uint64_t> parse_size(std::string_view text);

// The candidate nearest to `name` by edit distance, if it is near enough to be a likely typo
// (at most a third of the length, at least one). Empty otherwise.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

// Text for people, always UTF-8: control bytes as \n, \t, \xNN, and in text that is not UTF-8 every
// byte above ASCII as \xNN. At most `bytes_max` of the input, whole characters, then "...".
std::string escape_text(std::string_view text, std::size_t bytes_max = 200);

// True when `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  // without blanks and tabs at both ends
std::string to_lower(std::string_view text);   // ASCII only

namespace internal {
bool equal_letters(const char* a, const char* b, std::size_t size);
}

// Case of ASCII letters only. Names are mostly unlike in size or in their first byte, so both are
// looked at before anything is called; case is bit 5.
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         (a.empty() ||
          (((a[0] ^ b[0]) & ~0x20) == 0 && internal::equal_letters(a.data(), b.data(), a.size())));
}
inline bool starts_with_ignoring_case(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         equals_ignoring_case(text.substr(0, beginning.size()), beginning);
}

// Appends `text`, which is UTF-8, escaped for the inside of a JSON string (no quotes around it).
void append_json_escaped(std::string& out, std::string_view text);
// Appends `text` as a JSON string with its quotes, whatever its bytes: text that is not UTF-8 is
// shown as escape_text() shows it.
void append_json_string(std::string& out, std::string_view text);

// Percent escapes: %XX for every byte outside A-Z a-z 0-9 * - . _ (the framework's metadata rule).
void append_percent_encoded(std::string& out, std::string_view text);
// Decodes %XX, keeps an invalid sequence as it is; `plus_is_space` turns + into a blank.
std::string percent_decode(std::string_view text, bool plus_is_space);

}  // namespace fairlead
