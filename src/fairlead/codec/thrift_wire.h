// What the Thrift reader and writer share. Private to the room.
//
// The binary protocol, big-endian (thrift.apache.org, "Thrift Binary protocol encoding"):
//
//   struct  = *( type:1 id:2 value ) 00
//   list    = element type:1 count:4 *value            a set looks the same
//   map     = key type:1 value type:1 count:4 *( key value )
//   string  = size:4 bytes
//   bool 1 byte · i8 1 · i16 2 · i32 4 · i64 8 · double 8 (IEEE 754)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/contract/type_info.h"

namespace fairlead::codec::internal {

enum class ThriftType : std::uint8_t {
  kStop = 0,
  kBool = 2,
  kByte = 3,
  kDouble = 4,
  kI16 = 6,
  kI32 = 8,
  kI64 = 10,
  kString = 11,
  kStruct = 12,
  kMap = 13,
  kSet = 14,
  kList = 15,
};

inline constexpr std::uint32_t kThriftIdMax = 32767;  // ids of fields are i16

// How a value of this kind travels; of an optional, what is in it.
constexpr ThriftType thrift_type_of(contract::Kind kind) {
  using contract::Kind;
  switch (kind) {
    case Kind::kBool:
      return ThriftType::kBool;
    case Kind::kInt32:
    case Kind::kUint32:
    case Kind::kEnum:
      return ThriftType::kI32;
    case Kind::kInt64:
    case Kind::kUint64:
      return ThriftType::kI64;
    case Kind::kFloat:
    case Kind::kDouble:
      return ThriftType::kDouble;
    case Kind::kString:
    case Kind::kBytes:
      return ThriftType::kString;
    case Kind::kStruct:
      return ThriftType::kStruct;
    case Kind::kList:
      return ThriftType::kList;
    case Kind::kMap:
      return ThriftType::kMap;
    case Kind::kVoid:
    case Kind::kOptional:
    case Kind::kGenerated:
      break;
  }
  return ThriftType::kStop;
}

// The fewest bytes that a value of this type takes; 0 for a type that does not exist.
constexpr std::size_t thrift_bytes_min(ThriftType type) {
  switch (type) {
    case ThriftType::kBool:
    case ThriftType::kByte:
    case ThriftType::kStruct:
      return 1;
    case ThriftType::kI16:
      return 2;
    case ThriftType::kI32:
    case ThriftType::kString:
      return 4;
    case ThriftType::kList:
    case ThriftType::kSet:
      return 5;
    case ThriftType::kMap:
      return 6;
    case ThriftType::kDouble:
    case ThriftType::kI64:
      return 8;
    case ThriftType::kStop:
      break;
  }
  return 0;
}

}  // namespace fairlead::codec::internal
