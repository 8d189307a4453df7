#include "fairlead/wire/protocols/thrift_struct.h"

#include <cstdint>

#include "fairlead/wire/protocols/frame_parts.h"

namespace fairlead::wire::internal {
namespace {

constexpr int kDepthMax = 64;

enum Type : std::uint8_t {
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

// Bytes of a value whose size its type says; 0 for the others.
std::size_t fixed_size(std::uint8_t type) {
  switch (type) {
    case kBool:
    case kByte:
      return 1;
    case kI16:
      return 2;
    case kI32:
      return 4;
    case kDouble:
    case kI64:
      return 8;
    default:
      return 0;
  }
}

class Skipper {
 public:
  explicit Skipper(std::string_view text) : rest_(text) {}

  std::size_t left() const { return rest_.size(); }

  bool structure(int depth) {
    if (depth > kDepthMax) return false;
    while (true) {
      std::uint8_t type = 0;
      if (!take_type(type)) return false;
      if (type == kStop) return true;
      if (!take(2) || !value(type, depth)) return false;  // two bytes of field id
    }
  }

 private:
  bool value(std::uint8_t type, int depth) {
    if (const std::size_t size = fixed_size(type); size > 0) return take(size);
    std::uint8_t key = 0;
    std::uint8_t element = 0;
    std::uint32_t count = 0;
    switch (type) {
      case kString:
        return take_count(count) && take(count);
      case kStruct:
        return structure(depth + 1);
      case kMap:
        return take_type(key) && take_type(element) && take_count(count) &&
               entries(key, element, count, depth + 1);
      case kSet:
      case kList:
        return take_type(element) && take_count(count) && entries(kStop, element, count, depth + 1);
      default:
        return false;
    }
  }

  // `key` is kStop for what has none. Every value takes at least a byte, so a false count ends with
  // the text.
  bool entries(std::uint8_t key, std::uint8_t element, std::uint32_t count, int depth) {
    if (depth > kDepthMax) return false;
    if (key == kStop && fixed_size(element) > 0) {
      return count <= rest_.size() / fixed_size(element) && take(count * fixed_size(element));
    }
    for (; count > 0; --count) {
      if (key != kStop && !value(key, depth)) return false;
      if (!value(element, depth)) return false;
    }
    return true;
  }

  bool take_type(std::uint8_t& type) {
    if (rest_.empty()) return false;
    type = static_cast<std::uint8_t>(rest_.front());
    return take(1);
  }
  bool take_count(std::uint32_t& count) {
    if (rest_.size() < 4) return false;
    count = load_u32(rest_.data());
    return take(4);  // what would be negative is more than any text holds
  }
  bool take(std::size_t size) {
    if (size > rest_.size()) return false;
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::size_t> thrift_struct_size(std::string_view text) {
  Skipper skipper(text);
  if (!skipper.structure(1)) return std::nullopt;
  return text.size() - skipper.left();
}

}  // namespace fairlead::wire::internal
