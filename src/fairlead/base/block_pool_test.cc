#include "fairlead/base/block_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "fairlead/base/sanitizers.h"

namespace fairlead::internal {
namespace {

TEST(BlockPool, RoundsUpToPowersOfTwoAndBeyondThemToPages) {
  if (kMemoryIsWatched) {
    EXPECT_EQ(block_size(20'000), 20'000u);
    return;
  }
  EXPECT_EQ(block_size(1), kBlockBytesMin);
  EXPECT_EQ(block_size(kBlockBytesMin), kBlockBytesMin);
  EXPECT_EQ(block_size(kBlockBytesMin + 1), 2 * kBlockBytesMin);
  EXPECT_EQ(block_size(kBlockBytesMax), kBlockBytesMax);
  EXPECT_EQ(block_size(kBlockBytesMax + 1), kBlockBytesMax + 4096);
}

TEST(BlockPool, GivesABlockThatWasGivenBackAgain) {
  char* first = allocate_block(kBlockBytesMin);
  std::memset(first, 1, block_size(kBlockBytesMin));
  free_block(first, block_size(kBlockBytesMin));

  char* second = allocate_block(kBlockBytesMin - 1);

  EXPECT_TRUE(kMemoryIsWatched || second == first);
  free_block(second, block_size(kBlockBytesMin - 1));
}

TEST(BlockPool, GivesWhatIsIdleBackAndGoesOn) {
  char* block = allocate_block(kBlockBytesMin);
  free_block(block, block_size(kBlockBytesMin));
  free_idle_blocks();
  free_idle_blocks();

  char* again = allocate_block(kBlockBytesMin);
  std::memset(again, 2, block_size(kBlockBytesMin));
  free_block(again, block_size(kBlockBytesMin));
}

TEST(BlockPool, KeepsNoMoreOfASizeThanItsLimit) {
  const std::size_t size = block_size(kBlockBytesMin);
  std::vector<char*> blocks;
  for (std::size_t i = 0; i < 3 * kFreeBytesMax / kBlockBytesMin; ++i) {
    blocks.push_back(allocate_block(size));
    std::memset(blocks.back(), static_cast<int>(i), size);
  }
  const std::set<char*> all(blocks.begin(), blocks.end());
  EXPECT_EQ(all.size(), blocks.size());

  for (char* block : blocks) free_block(block, size);  // what is too much goes to the system
}

TEST(BlockPool, TakesBlocksBackOnAnotherThreadAlsoWhileItEnds) {
  char* block = allocate_block(kBlockBytesMax);

  std::thread([block] {
    free_block(block, block_size(kBlockBytesMax));
    free_block(allocate_block(kBlockBytesMax + 1), block_size(kBlockBytesMax + 1));
  }).join();
}

}  // namespace
}  // namespace fairlead::internal
