// Numbers of four bytes as protocols write them: the highest byte first.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace fairlead {

// Four bytes from `from`, at any alignment.
inline std::uint32_t load_u32(const char* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  return value;
}

// Four bytes to `to`, at any alignment.
inline void store_u32(char* to, std::uint32_t value) {
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace fairlead
