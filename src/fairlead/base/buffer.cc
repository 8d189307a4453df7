#include "fairlead/base/buffer.h"

#include <algorithm>

#include "fairlead/base/block_pool.h"

namespace fairlead {

void Buffer::release() {
  if (data_ != nullptr) internal::free_block(data_, capacity_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

void Buffer::grow(std::size_t count) {
  const std::size_t used = size();
  if (begin_ >= used && capacity_ - used >= count && capacity_ / 2 <= capacity_ - used) {
    std::memmove(data_, data_ + begin_, used);  // at least half was consumed: move to the front
  } else {
    const std::size_t wanted = std::max({internal::kBlockBytesMin, used + count, capacity_ * 2});
    char* bigger = internal::allocate_block(wanted);
    if (used > 0) std::memcpy(bigger, data_ + begin_, used);
    if (data_ != nullptr) internal::free_block(data_, capacity_);
    data_ = bigger;
    capacity_ = internal::block_size(wanted);
  }
  begin_ = 0;
  end_ = used;
}

}  // namespace fairlead
