// Utf8Checker: tells whether text that arrives in pieces is UTF-8, at the first byte that is not.
//
//   whole ──lead byte──► 1 .. 3 bytes to come, the next of them in [low, high] ──► whole
//     └── any other byte ──┴──► bad, for good
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::http::proto {

// Well-formed UTF-8 as table 3-7 of the Unicode standard has it: no overlong forms, no surrogates,
// nothing above U+10FFFF. Pieces may be cut inside a character.
// Cost: eight bytes at a time while they are ASCII.
class Utf8Checker {
 public:
  // False from the first byte on that no valid text can have at its place.
  bool take(std::string_view piece);
  // Whether what was taken is valid and ends with a whole character.
  bool is_whole() const { return !bad_ && missing_ == 0; }
  void reset() { *this = {}; }

 private:
  bool take_byte(std::uint8_t byte);

  std::uint8_t missing_ = 0;  // bytes that the character still needs
  std::uint8_t low_ = 0x80;   // bounds of the next of them
  std::uint8_t high_ = 0xBF;
  bool bad_ = false;
};

}  // namespace fairlead::http::proto
