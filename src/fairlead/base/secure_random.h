// SecureRandom: bytes that nobody can foretell, from the system's generator.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace fairlead {

// For keys, masks and tokens. What is drawn is wiped here at once.
// Thread: one owner. Cost: one system call for every 256 bytes.
class SecureRandom {
 public:
  SecureRandom() = default;
  SecureRandom(const SecureRandom&) = delete;
  SecureRandom& operator=(const SecureRandom&) = delete;

  void fill(std::span<char> out);

  // `Size` bytes: secure.draw<4>().
  template <std::size_t Size>
  std::array<char, Size> draw() {
    std::array<char, Size> bytes;
    fill(bytes);
    return bytes;
  }

 private:
  static constexpr std::size_t kReserveBytes = 256;

  std::array<char, kReserveBytes> reserve_;
  std::size_t left_ = 0;  // bytes at the end of the reserve that were not drawn yet
};

}  // namespace fairlead
