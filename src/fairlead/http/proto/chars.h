// Character classes of HTTP/1.1 (RFC 9110 section 5.6, RFC 9112, RFC 3986) as one constant table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fairlead::http::proto {

enum CharClass : std::uint8_t {
  kTokenChar = 1U << 0U,  // tchar: methods and field names
  kValueChar = 1U << 1U,  // field values: HTAB, blank, visible ASCII and obs-text
  kPathChar = 1U << 2U,   // pchar, '/', '%', and the `[ ] |` that browsers send unescaped
  kQueryChar = 1U << 3U,  // visible ASCII but '#': browsers and curl escape only part of the rest
  kHostChar = 1U << 4U,   // reg-name without the comma: no server name holds one, lists do
  kHexChar = 1U << 5U,
};

namespace internal {

constexpr std::array<std::uint8_t, 256> make_char_table() {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view kPathMarks = "-._~!$&'()*+,;=:@/%[]|";
  constexpr std::string_view kHostMarks = "-._~!$&'()*+;=%";
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const char c = static_cast<char>(i);
    const bool digit = i >= '0' && i <= '9';
    const bool alpha = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    const bool hex = digit || (i >= 'a' && i <= 'f') || (i >= 'A' && i <= 'F');
    const bool visible = i >= 0x21 && i <= 0x7E;
    const auto in = [c](std::string_view set) { return set.find(c) != std::string_view::npos; };
    unsigned bits = 0;
    if (digit || alpha || (visible && in(kTokenMarks))) bits |= kTokenChar;
    if (i == '\t' || (i >= 0x20 && i != 0x7F)) bits |= kValueChar;
    if (digit || alpha || (visible && in(kPathMarks))) bits |= kPathChar;
    if (visible && c != '#') bits |= kQueryChar;
    if (digit || alpha || (visible && in(kHostMarks))) bits |= kHostChar;
    if (hex) bits |= kHexChar;
    table[i] = static_cast<std::uint8_t>(bits);
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kCharTable = make_char_table();

}  // namespace internal

constexpr bool is_char(char c, CharClass wanted) {
  return (internal::kCharTable[static_cast<std::uint8_t>(c)] & wanted) != 0;
}

// True when `text` is not empty and every byte is of the class.
constexpr bool is_all(std::string_view text, CharClass wanted) {
  for (const char c : text) {
    if (!is_char(c, wanted)) return false;
  }
  return !text.empty();
}

// Value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace fairlead::http::proto
