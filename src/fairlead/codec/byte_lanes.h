// Sixteen bytes looked at together, in the compiler's own vector types: one comparison where a loop
// takes sixteen. No intrinsics, so it is the same on every processor.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fairlead::codec::internal {

using ByteLanes [[gnu::vector_size(16)]] = signed char;
inline constexpr std::size_t kLanes = sizeof(ByteLanes);

inline ByteLanes load_lanes(const char* from) {
  ByteLanes lanes;
  std::memcpy(&lanes, from, kLanes);
  return lanes;
}

// The first lane that a comparison marked; kLanes when it marked none.
inline std::size_t first_marked(ByteLanes marks) {
  std::uint64_t words[2];
  std::memcpy(words, &marks, sizeof(words));
  if constexpr (std::endian::native == std::endian::big) {
    words[0] = __builtin_bswap64(words[0]);
    words[1] = __builtin_bswap64(words[1]);
  }
  if (words[0] != 0) return static_cast<std::size_t>(std::countr_zero(words[0])) / 8;
  if (words[1] != 0) return 8 + static_cast<std::size_t>(std::countr_zero(words[1])) / 8;
  return kLanes;
}

}  // namespace fairlead::codec::internal
