// What the protobuf reader and writer share. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fairlead/contract/type_info.h"

namespace fairlead::codec::internal {

inline constexpr std::size_t kVarintBytesMax = 10;

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLength = 2,
  kGroupStart = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

// How a single value of this kind travels; lists of numbers and maps are kLength as a whole.
constexpr WireType wire_type_of(contract::Kind kind) {
  using contract::Kind;
  switch (kind) {
    case Kind::kFloat:
      return WireType::kFixed32;
    case Kind::kDouble:
      return WireType::kFixed64;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kStruct:
    case Kind::kMap:
      return WireType::kLength;
    default:
      return WireType::kVarint;
  }
}

}  // namespace fairlead::codec::internal
