#include "fairlead/base/buffer.h"

#include <algorithm>
#include <array>
#include <new>

namespace fairlead {
namespace {

// Each thread keeps a few blocks of the usual size, so that connections which alternate between
// silent and busy do not go to the allocator for each burst.
constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr std::size_t kCachedBlocksMax = 64;

struct BlockCache {
  std::array<char*, kCachedBlocksMax> blocks{};
  std::size_t count = 0;
  ~BlockCache() {
    while (count > 0) ::operator delete(blocks[--count]);
  }
};
thread_local BlockCache block_cache;

char* allocate(std::size_t bytes) {
  if (bytes == kBlockBytes && block_cache.count > 0) return block_cache.blocks[--block_cache.count];
  return static_cast<char*>(::operator new(bytes));
}

void deallocate(char* data, std::size_t bytes) {
  if (bytes == kBlockBytes && block_cache.count < kCachedBlocksMax) {
    block_cache.blocks[block_cache.count++] = data;
  } else {
    ::operator delete(data);
  }
}

}  // namespace

void Buffer::release() {
  if (data_ != nullptr) deallocate(data_, capacity_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

void Buffer::grow(std::size_t count) {
  const std::size_t used = size();
  if (begin_ >= used && capacity_ - used >= count && capacity_ / 2 <= capacity_ - used) {
    std::memmove(data_, data_ + begin_, used);  // at least half was consumed: move to the front
  } else {
    std::size_t wanted = std::max({kBlockBytes, used + count, capacity_ * 2});
    if (wanted > kBlockBytes) wanted = (wanted + 4095) / 4096 * 4096;
    char* bigger = allocate(wanted);
    if (used > 0) std::memcpy(bigger, data_ + begin_, used);
    if (data_ != nullptr) deallocate(data_, capacity_);
    data_ = bigger;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = used;
}

}  // namespace fairlead
