#include "fairlead/codec/xml_names.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace fairlead::codec::internal {
namespace {

constexpr std::size_t kDigitsMin = 4;
constexpr std::size_t kDigitsMax = 6;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

// Takes one character off the front of `text`, which is UTF-8.
std::uint32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  std::uint32_t point = first;
  if (first >= 0xF0) {
    size = 4;
    point = first & 0x07;
  } else if (first >= 0xE0) {
    size = 3;
    point = first & 0x0F;
  } else if (first >= 0xC0) {
    size = 2;
    point = first & 0x1F;
  }
  for (std::size_t i = 1; i < size && i < text.size(); ++i) {
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  text.remove_prefix(size < text.size() ? size : text.size());
  return point;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

void append_escape(std::string& out, std::uint32_t point) {
  constexpr char kHex[] = "0123456789ABCDEF";
  out += "_x";
  int digits = kDigitsMin;
  while (point >> (4 * digits) != 0) ++digits;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[point >> shift & 15];
  out += '_';
}

// "_x0041_" at the front of `text`: takes it off and gives the code point.
std::optional<std::uint32_t> take_escape(std::string_view& text) {
  if (!text.starts_with("_x")) return std::nullopt;
  const std::size_t end = text.find('_', 2);
  if (end == std::string_view::npos || end - 2 < kDigitsMin || end - 2 > kDigitsMax) {
    return std::nullopt;
  }
  std::uint32_t point = 0;
  const auto [at, error] = std::from_chars(text.data() + 2, text.data() + end, point, 16);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (error != std::errc() || at != text.data() + end || surrogate || point > 0x10FFFF) {
    return std::nullopt;
  }
  text.remove_prefix(end + 1);
  return point;
}

}  // namespace

void append_xml_name(std::string& out, std::string_view text) {
  if (text.empty()) out += '_';
  const bool lone = text == "_";
  bool first = true;
  while (!text.empty()) {
    const char c = text.front();
    const bool fits = first ? starts_name(c) : continues_name(c);
    first = false;
    if (fits && !lone && !text.starts_with("_x")) {
      out += c;
      text.remove_prefix(1);
    } else {
      append_escape(out, take_character(text));
    }
  }
}

std::string text_of_xml_name(std::string_view name) {
  if (name == "_") return std::string();
  std::string out;
  while (!name.empty()) {
    if (const std::optional<std::uint32_t> point = take_escape(name)) {
      append_utf8(out, *point);
    } else {
      out += name.front();
      name.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace fairlead::codec::internal
