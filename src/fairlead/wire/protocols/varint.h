// Base-128 varints of protobuf and of Thrift's headers. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "fairlead/base/buffer.h"

namespace fairlead::wire::internal {

inline constexpr std::size_t kVarintBytesMax = 10;

inline std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

inline char* put_varint(char* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}

inline void append_varint(Buffer& out, std::uint64_t value) {
  char* const from = out.prepare(kVarintBytesMax);
  out.commit(static_cast<std::size_t>(put_varint(from, value) - from));
}

// Reads a varint at the front of `text` and takes it off. False: cut, or longer than ten bytes or
// 64 bits; `text` is then unchanged.
inline bool take_varint(std::string_view& text, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < text.size() && i < kVarintBytesMax; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// The same with a text whose length the varint is.
inline bool take_varint_text(std::string_view& text, std::string_view& value) {
  std::string_view rest = text;
  std::uint64_t size = 0;
  if (!take_varint(rest, size) || size > rest.size()) return false;
  value = rest.substr(0, size);
  text = rest.substr(size);
  return true;
}

}  // namespace fairlead::wire::internal
