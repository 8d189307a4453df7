#include "fairlead/wire/protocols/json_quoting.h"

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace fairlead::wire::internal {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";
constexpr std::uint32_t kReplacement = 0xFFFD;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number of `digits` hex digits at `at`, if they are there.
std::optional<std::uint32_t> hex_at(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = hex_value(text[at + i]);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

char* put_utf8(char* out, std::uint32_t point) {
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) point = kReplacement;
  if (point < 0x80) {
    *out++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *out++ = static_cast<char>(0xC0 | point >> 6);
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *out++ = static_cast<char>(0xE0 | point >> 12);
    *out++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | point >> 18);
    *out++ = static_cast<char>(0x80 | (point >> 12 & 0x3F));
    *out++ = static_cast<char>(0x80 | (point >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  }
  return out;
}

// The byte that a backslash and `c` stand for; 0 when `c` has no such meaning.
char short_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case '\'':
      return c;
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return '\0';
  }
}

// Reads the escape whose backslash is at `at`, moves `at` behind it and writes what it stands for.
char* take_escape(std::string_view text, std::size_t& at, char* out) {
  const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
  if (const char byte = short_escape(kind); byte != '\0') {
    at += 2;
    *out++ = byte;
    return out;
  }
  const std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
  const std::optional<std::uint32_t> number =
      digits == 0 ? std::nullopt : hex_at(text, at + 2, digits);
  if (!number.has_value()) {
    *out++ = text[at++];
    return out;
  }
  at += 2 + digits;
  if (kind == 'x') {
    *out++ = static_cast<char>(*number);
    return out;
  }
  if (kind == 'u' && *number >= 0xD800 && *number < 0xDC00 && text.substr(at).starts_with("\\u")) {
    const std::optional<std::uint32_t> low = hex_at(text, at + 2, 4);
    if (low.has_value() && *low >= 0xDC00 && *low < 0xE000) {
      at += 6;
      return put_utf8(out, 0x10000 + ((*number - 0xD800) << 10) + (*low - 0xDC00));
    }
  }
  return put_utf8(out, *number);
}

// How many bytes more than itself a byte takes inside a JSON string.
std::size_t extra_bytes(unsigned char byte) {
  if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\r' || byte == '\t') return 1;
  return byte < 0x20 ? 5 : 0;
}

// Writes the escaped form of `byte` so that it ends at `end`; gives its begin.
char* put_escaped_before(char* end, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  const std::size_t extra = extra_bytes(value);
  if (extra == 0) {
    *--end = byte;
  } else if (extra == 1) {
    *--end = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : byte;
    *--end = '\\';
  } else {
    *--end = kHexDigits[value & 15];
    *--end = kHexDigits[value >> 4];
    end -= 4;
    std::memcpy(end, "\\u00", 4);
  }
  return end;
}

}  // namespace

std::size_t unquote(Quoted quoted, char* out) {
  const char* const begin = out;
  const std::string_view text = quoted.text;
  for (std::size_t at = 0; at < text.size();) {
    if (quoted.quoting == Quoting::kJson && text[at] == '\\') {
      out = take_escape(text, at, out);
      continue;
    }
    if (quoted.quoting == Quoting::kQuotesOnly && text.substr(at).starts_with("\\\"")) ++at;
    *out++ = text[at++];
  }
  return static_cast<std::size_t>(out - begin);
}

Bytes unquote_all(std::span<const Quoted> quoted, std::span<std::string_view* const> texts) {
  std::size_t size = 1;  // a chunk holds something
  for (const Quoted& one : quoted) size += one.text.size();
  ChunkRef chunk(size);
  char* at = chunk->data();
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    *texts[i] = {at, unquote(quoted[i], at)};
    at += texts[i]->size();
  }
  const std::string_view all(chunk->data(), static_cast<std::size_t>(at - chunk->data()));
  return {std::move(chunk), all};
}

bool escapes_only_quotes(std::string_view text) {
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string_view::npos; at += 2) {
    if (at + 1 == text.size() || text[at + 1] != '"') return false;
  }
  return true;
}

bool is_strict_json_text(std::string_view text) {
  constexpr std::string_view kShort = "\"\\/bfnrt";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0x20) return false;
    if (text[at] != '\\') continue;
    if (++at == text.size()) return false;
    if (text[at] == 'u') {
      if (!hex_at(text, at + 1, 4).has_value()) return false;
      at += 4;
    } else if (kShort.find(text[at]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool json_strings_are_sound(Quoted quoted) {
  std::string text(quoted.text.size(), '\0');
  text.resize(unquote(quoted, text.data()));
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; ++at) {
    const std::size_t from = ++at;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2U : 1U;
    if (at >= text.size()) return false;
    if (!is_strict_json_text(std::string_view(text).substr(from, at - from))) return false;
  }
  return true;
}

bool escape_tail(Buffer& out, std::size_t from, std::size_t bytes_max) {
  std::size_t extra = 0;
  const std::string_view plain = out.view().substr(from);
  for (const char c : plain) extra += extra_bytes(static_cast<unsigned char>(c));
  const std::size_t size = plain.size();
  if (size + extra > bytes_max) return false;
  if (extra == 0) return true;
  out.prepare(extra);
  out.commit(extra);
  char* const begin = out.at(from);
  char* target = begin + size + extra;
  for (const char* source = begin + size; target != source;) {
    target = put_escaped_before(target, *--source);
  }
  return true;
}

}  // namespace fairlead::wire::internal
