#include "fairlead/base/bytes.h"

#include <new>

namespace fairlead {

Chunk* Chunk::make(std::size_t capacity) {
  FL_CHECK(capacity > 0);
  void* memory = ::operator new(sizeof(Chunk) + capacity);
  return new (memory) Chunk(capacity);
}

void Chunk::destroy() {
#ifndef NDEBUG
  std::memset(data(), 0xDB, capacity_);  // whoever still reads it shall notice
#endif
  this->~Chunk();
  ::operator delete(static_cast<void*>(this));
}

Bytes::Bytes(std::string_view data) {
  if (data.empty()) return;
  chunk_ = ChunkRef(data.size());
  std::memcpy(chunk_->data(), data.data(), data.size());
  data_ = {chunk_->data(), data.size()};
}

}  // namespace fairlead
