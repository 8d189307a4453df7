// CRC-32C, the Castagnoli checksum (RFC 3720 B.4): finds damage, not forgery.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::wire {

// The checksum of `data`; with `before`, of what that is the checksum of and `data` behind it.
// crc32c("123456789") is 0xE3069283.
// Cost: 8 bytes per instruction of the CPU's own where it has SSE 4.2, else 8 table look-ups per 8
// bytes (slicing by 8: Kounavis and Berry, "A Systematic Approach to Building High Performance
// Software-Based CRC Generators", 2005). Thread: any.
std::uint32_t crc32c(std::string_view data, std::uint32_t before = 0);

namespace internal {

// The two ways, for the test that compares them. The first asks nothing of the CPU.
std::uint32_t crc32c_by_table(std::string_view data, std::uint32_t before);
// False where this CPU, or this kind of CPU, has no such instruction.
bool has_crc32c_instruction();
// Only where has_crc32c_instruction().
std::uint32_t crc32c_by_instruction(std::string_view data, std::uint32_t before);

}  // namespace internal
}  // namespace fairlead::wire
