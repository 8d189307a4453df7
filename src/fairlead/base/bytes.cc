#include "fairlead/base/bytes.h"

#include <new>

#include "fairlead/base/block_pool.h"

namespace fairlead {
namespace {

bool is_block(std::size_t bytes) { return bytes > internal::kBlockBytesMin / 2; }

}  // namespace

Chunk* Chunk::make(std::size_t capacity) {
  FL_CHECK(capacity > 0);
  const std::size_t bytes = sizeof(Chunk) + capacity;
  if (!is_block(bytes)) return new (::operator new(bytes)) Chunk(capacity);
  char* block = internal::allocate_block(bytes);
  return new (block) Chunk(internal::block_size(bytes) - sizeof(Chunk));
}

void Chunk::destroy() {
#ifndef NDEBUG
  std::memset(data(), 0xDB, capacity_);  // whoever still reads it shall notice
#endif
  const std::size_t bytes = sizeof(Chunk) + capacity_;
  this->~Chunk();
  char* memory = reinterpret_cast<char*>(this);
  if (is_block(bytes))
    internal::free_block(memory, bytes);
  else
    ::operator delete(memory);
}

Bytes::Bytes(std::string_view data) {
  if (data.empty()) return;
  chunk_ = ChunkRef(data.size());
  std::memcpy(chunk_->data(), data.data(), data.size());
  data_ = {chunk_->data(), data.size()};
}

}  // namespace fairlead
