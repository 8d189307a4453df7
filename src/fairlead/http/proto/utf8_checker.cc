#include "fairlead/http/proto/utf8_checker.h"

#include <cstring>

namespace fairlead::http::proto {
namespace {

constexpr std::uint8_t kLow = 0x80;
constexpr std::uint8_t kHigh = 0xBF;
constexpr std::uint64_t kTopBits = 0x8080808080808080U;

// Whole groups of eight ASCII bytes at the front, in bytes.
std::size_t ascii_run(std::string_view text) {
  std::size_t size = 0;
  for (std::uint64_t word; size + sizeof(word) <= text.size(); size += sizeof(word)) {
    std::memcpy(&word, text.data() + size, sizeof(word));
    if ((word & kTopBits) != 0) break;
  }
  return size;
}

}  // namespace

bool Utf8Checker::take(std::string_view piece) {
  while (!piece.empty() && !bad_) {
    if (missing_ == 0) piece.remove_prefix(ascii_run(piece));
    if (piece.empty()) break;
    bad_ = !take_byte(static_cast<std::uint8_t>(piece.front()));
    piece.remove_prefix(1);
  }
  return !bad_;
}

bool Utf8Checker::take_byte(std::uint8_t byte) {
  if (missing_ > 0) {
    const bool fits = byte >= low_ && byte <= high_;
    low_ = kLow;
    high_ = kHigh;
    --missing_;
    return fits;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
  // The second byte rules out overlong forms, surrogates and what lies above U+10FFFF.
  if (byte == 0xE0) low_ = 0xA0;
  if (byte == 0xED) high_ = 0x9F;
  if (byte == 0xF0) low_ = 0x90;
  if (byte == 0xF4) high_ = 0x8F;
  return true;
}

}  // namespace fairlead::http::proto
