#include "fairlead/wire/protocols/pb_scanner.h"

#include "fairlead/wire/protocols/varint.h"

namespace fairlead::wire::internal {
namespace {

constexpr std::size_t kGroupDepthMax = 64;

std::uint32_t type_of(std::uint64_t tag) { return static_cast<std::uint32_t>(tag & 7); }

}  // namespace

bool PbScanner::tag(std::uint64_t& value) {
  if (!take_varint(rest_, value)) return fail("a field's number is cut or too long");
  return (value >> 3 != 0 && value >> 32 == 0) || fail("a field's number is none");
}

// As an int32 is read: the low 32 bits, so that a negative one of ten bytes comes out right.
bool PbScanner::number(std::uint64_t tag, std::int32_t& value) {
  std::uint64_t wide = 0;
  if (type_of(tag) != kPbVarint) return fail("a number of another wire type");
  if (!take_varint(rest_, wide)) return fail("a number is cut or too long");
  value = static_cast<std::int32_t>(static_cast<std::uint32_t>(wide));
  return true;
}

bool PbScanner::text(std::uint64_t tag, std::string_view& value) {
  if (type_of(tag) != kPbBytes) return fail("a text of another wire type");
  return take_varint_text(rest_, value) || fail("a text passes the end");
}

bool PbScanner::skip(std::uint64_t key) {
  if (type_of(key) != kPbGroup) return skip_one(type_of(key));
  // Groups end with the number that they began with; the stack is a list of those numbers.
  std::uint64_t open[kGroupDepthMax];
  std::size_t depth = 0;
  open[depth++] = key >> 3;
  while (depth > 0) {
    if (!tag(key)) return false;
    if (type_of(key) == kPbGroupEnd) {
      if (open[--depth] != key >> 3) return fail("a group ends that was not begun");
    } else if (type_of(key) == kPbGroup) {
      if (depth == kGroupDepthMax) return fail("groups nested deeper than 64");
      open[depth++] = key >> 3;
    } else if (!skip_one(type_of(key))) {
      return false;
    }
  }
  return true;
}

bool PbScanner::skip_one(std::uint32_t type) {
  std::uint64_t ignored = 0;
  std::string_view text;
  switch (type) {
    case kPbVarint:
      return take_varint(rest_, ignored) || fail("a number is cut or too long");
    case kPbBytes:
      return take_varint_text(rest_, text) || fail("a text passes the end");
    case kPbFixed64:
    case kPbFixed32: {
      const std::size_t size = type == kPbFixed64 ? 8 : 4;
      if (rest_.size() < size) return fail("a number passes the end");
      rest_.remove_prefix(size);
      return true;
    }
    default:
      return fail("a wire type that there is not");
  }
}

}  // namespace fairlead::wire::internal
