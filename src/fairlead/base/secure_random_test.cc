#include "fairlead/base/secure_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace fairlead {
namespace {

TEST(SecureRandom, DrawsNothingTwice) {
  SecureRandom random;
  std::set<std::array<char, 16>> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(random.draw<16>()).second);
  SecureRandom other;
  EXPECT_TRUE(seen.insert(other.draw<16>()).second);
}

TEST(SecureRandom, FillsEveryByteAcrossTheEndOfItsReserve) {
  SecureRandom random;
  for (const std::size_t size : {1U, 255U, 256U, 257U, 5000U}) {
    // A byte that stays zero over twenty draws was not written.
    std::vector<bool> written(size, false);
    for (int draw = 0; draw < 20; ++draw) {
      std::string bytes(size, '\0');
      random.fill(bytes);
      for (std::size_t i = 0; i < size; ++i) written[i] = written[i] || bytes[i] != '\0';
    }
    EXPECT_EQ(std::count(written.begin(), written.end(), false), 0) << size;
  }
}

}  // namespace
}  // namespace fairlead
