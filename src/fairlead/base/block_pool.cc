#include "fairlead/base/block_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>

#include "fairlead/base/sanitizers.h"

namespace fairlead::internal {
namespace {

constexpr std::size_t kSizes = std::bit_width(kBlockBytesMax) - std::bit_width(kBlockBytesMin) + 1;

bool is_pooled(std::size_t size) {
  return !kMemoryIsWatched && size >= kBlockBytesMin && size <= kBlockBytesMax;
}

std::size_t index_of(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width(size) - std::bit_width(kBlockBytesMin));
}

struct FreeBlock {
  FreeBlock* next;
};

struct Pool {
  struct List {
    FreeBlock* head = nullptr;
    std::size_t count = 0;
  };
  std::array<List, kSizes> lists{};

  void drop() {
    for (List& list : lists) {
      while (list.head != nullptr) {
        FreeBlock* block = list.head;
        list.head = block->next;
        ::operator delete(block);
      }
      list.count = 0;
    }
  }
  ~Pool() {
    drop();
    // Blocks given back while the thread ends are freed.
    for (List& list : lists) list.count = ~std::size_t{0};
  }
};

thread_local Pool pool;

}  // namespace

std::size_t block_size(std::size_t bytes) {
  if (kMemoryIsWatched) return bytes;
  if (bytes <= kBlockBytesMin) return kBlockBytesMin;
  if (bytes <= kBlockBytesMax) return std::bit_ceil(bytes);
  return (bytes + 4095) / 4096 * 4096;
}

char* allocate_block(std::size_t bytes) {
  const std::size_t size = block_size(bytes);
  if (is_pooled(size)) {
    Pool::List& list = pool.lists[index_of(size)];
    if (list.head != nullptr) {
      FreeBlock* block = list.head;
      list.head = block->next;
      --list.count;
      return reinterpret_cast<char*>(block);
    }
  }
  return static_cast<char*>(::operator new(size));
}

void free_block(char* block, std::size_t size) noexcept {
  if (is_pooled(size)) {
    Pool::List& list = pool.lists[index_of(size)];
    if (list.count < std::max<std::size_t>(2, kFreeBytesMax / size)) {
      list.head = new (block) FreeBlock{list.head};
      ++list.count;
      return;
    }
  }
  ::operator delete(block);
}

void free_idle_blocks() noexcept { pool.drop(); }

}  // namespace fairlead::internal
