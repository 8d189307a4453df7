// Base64 (RFC 4648).
#pragma once

#include <cstddef>
#include <string_view>

namespace fairlead {

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes base64_size(data.size()) characters of the standard alphabet, padded, to `out`.
void base64_encode(std::string_view data, char* out);

// Room that base64_decode() needs for a text of this size.
constexpr std::size_t base64_decoded_size_max(std::size_t characters) {
  return characters / 4 * 3 + 3;
}

// Decodes the standard and the URL-safe alphabet, padded or not, into `out`, and says how many
// bytes that made. False when `text` is neither: other characters, padding inside or too much of
// it, a single character left over, or bits set behind the last byte.
bool base64_decode(std::string_view text, char* out, std::size_t& size);

}  // namespace fairlead
