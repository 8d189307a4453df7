#include "fairlead/wire/crc32c.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::wire {
namespace {

std::string counting(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(first + i * step);
  return bytes;
}

// RFC 3720 B.4 gives the bytes in the order of transmission, least significant first.
TEST(Crc32c, KnowsTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(counting(0, 1)), 0x46DD794EU);
  EXPECT_EQ(crc32c(counting(31, -1)), 0x113FDB5CU);
  const std::string read_command(
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14\x00\x00\x00\x18"
      "\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
      48);
  EXPECT_EQ(crc32c(read_command), 0xD9963A56U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, IsTheSameByTableAndByInstructionAtEveryLengthAndOffset) {
  Random random(7);
  std::string data(300, '\0');
  for (char& c : data) c = static_cast<char>(random.next());
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t size = 0; size + from <= data.size(); ++size) {
      const std::string_view part = std::string_view(data).substr(from, size);
      const std::uint32_t by_table = internal::crc32c_by_table(part, 0);
      ASSERT_EQ(crc32c(part), by_table) << from << " + " << size;
      if (internal::has_crc32c_instruction()) {
        ASSERT_EQ(internal::crc32c_by_instruction(part, 0), by_table) << from << " + " << size;
      }
    }
  }
}

TEST(Crc32c, GoesOnWhereItStopped) {
  const std::string_view data = "The quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    EXPECT_EQ(crc32c(data.substr(cut), crc32c(data.substr(0, cut))), crc32c(data));
    EXPECT_EQ(internal::crc32c_by_table(data.substr(cut),
                                        internal::crc32c_by_table(data.substr(0, cut), 0)),
              crc32c(data));
  }
}

}  // namespace
}  // namespace fairlead::wire
