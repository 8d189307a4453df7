// Secret: a short key that is wiped when it is no longer wanted.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace fairlead::wire {

// Up to 32 bytes. Every copy wipes itself; there is no way to print one.
class Secret {
 public:
  static constexpr std::size_t kBytesMax = 32;

  Secret() = default;
  explicit Secret(std::string_view bytes);  // at most kBytesMax
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  const unsigned char* data() const { return bytes_.data(); }
  unsigned char* data() { return bytes_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<unsigned char, kBytesMax> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace fairlead::wire
