#include "fairlead/wire/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "fairlead/base/check.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace fairlead::wire {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41, bits reversed
constexpr std::size_t kSlices = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// tables[k][b]: what byte b, with k zero bytes behind it, adds to the checksum.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[slice - 1][byte];
      tables[slice][byte] = (shorter >> 8) ^ tables[0][shorter & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t step(std::uint32_t crc, char byte) {
  return (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
}

// Eight bytes as a little-endian number, whatever the machine's order.
std::uint64_t load_le64(const char* data) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(data[i]);
  return number;
}

}  // namespace

std::uint32_t crc32c(std::string_view data, std::uint32_t before) {
  static const bool by_instruction = internal::has_crc32c_instruction();
  return by_instruction ? internal::crc32c_by_instruction(data, before)
                        : internal::crc32c_by_table(data, before);
}

namespace internal {

std::uint32_t crc32c_by_table(std::string_view data, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (; data.size() >= kSlices; data.remove_prefix(kSlices)) {
    std::uint64_t word = load_le64(data.data()) ^ crc;
    crc = 0;
    for (std::size_t slice = kSlices; slice-- > 0; word >>= 8) crc ^= kTables[slice][word & 0xFF];
  }
  for (const char byte : data) crc = step(crc, byte);
  return ~crc;
}

#if defined(__x86_64__)

bool has_crc32c_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view data,
                                                                      std::uint32_t before) {
  std::uint64_t crc = ~before;
  for (; data.size() >= sizeof(std::uint64_t); data.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data(), sizeof(word));
    crc = _mm_crc32_u64(crc, word);
  }
  auto short_crc = static_cast<std::uint32_t>(crc);
  for (const char byte : data) {
    short_crc = _mm_crc32_u8(short_crc, static_cast<unsigned char>(byte));
  }
  return ~short_crc;
}

#else

bool has_crc32c_instruction() { return false; }

std::uint32_t crc32c_by_instruction(std::string_view, std::uint32_t) {
  FL_CHECK(false);
  return 0;
}

#endif

}  // namespace internal
}  // namespace fairlead::wire
