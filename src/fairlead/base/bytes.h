// Bytes: an immutable run of bytes that shares ownership of the chunk it lies in.
//
// A Chunk is one reference-counted block of memory. A read buffer is a chunk; message bodies are
// Bytes over it, so a body costs no copy and keeps its chunk alive as long as somebody wants it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/check.h"

namespace fairlead {

// Reference-counted memory, made by Chunk::make and freed by the last release().
// Thread: the count is atomic, so Bytes may move between threads; writing into a chunk is the
// business of its one owner while no Bytes covers the written part.
class Chunk {
 public:
  // A chunk of at least `capacity` > 0 writable bytes, with one reference. Above 8 KiB its memory
  // comes from the thread's pool of blocks (block_pool.h), whose sizes it rounds up to.
  static Chunk* make(std::size_t capacity);

  char* data() { return reinterpret_cast<char*>(this + 1); }
  std::size_t capacity() const { return capacity_; }
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references_.load(std::memory_order_acquire) == 1 ||
        references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy();
    }
  }
  // True when the caller holds the only reference, so the chunk may be written again.
  bool unique() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  explicit Chunk(std::size_t capacity) : capacity_(capacity) {}
  void destroy();

  std::atomic<std::uint32_t> references_{1};
  const std::size_t capacity_;
};

// Owning pointer to a chunk: one reference.
class ChunkRef {
 public:
  ChunkRef() = default;
  explicit ChunkRef(std::size_t capacity) : chunk_(Chunk::make(capacity)) {}
  ChunkRef(const ChunkRef& other) : chunk_(other.chunk_) {
    if (chunk_ != nullptr) chunk_->retain();
  }
  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~ChunkRef() {
    if (chunk_ != nullptr) chunk_->release();
  }

  explicit operator bool() const { return chunk_ != nullptr; }
  Chunk* get() const { return chunk_; }
  Chunk* operator->() const { return chunk_; }

 private:
  Chunk* chunk_ = nullptr;
};

// The bytes field type of contracts and the body of messages. Copying shares the chunk.
// Bytes made by borrow() own nothing: valid as long as what they point at; own() makes them last.
class Bytes {
 public:
  Bytes() = default;
  // Copies `data` into a chunk of its own.
  explicit Bytes(std::string_view data);
  // A view of `data` that lies inside `chunk` and keeps it alive.
  Bytes(ChunkRef chunk, std::string_view data) : data_(data), chunk_(std::move(chunk)) {}
  // A view of memory that somebody else keeps.
  static Bytes borrow(std::string_view data) { return Bytes(ChunkRef(), data); }

  std::string_view view() const { return data_; }
  const char* data() const { return data_.data(); }
  std::size_t size() const { return data_.size(); }
  bool empty() const { return data_.empty(); }
  bool owned() const { return static_cast<bool>(chunk_) || data_.empty(); }
  const ChunkRef& chunk() const { return chunk_; }

  // A part of these bytes that shares the chunk. `from` <= size().
  Bytes slice(std::size_t from, std::size_t count = std::string_view::npos) const {
    return Bytes(chunk_, data_.substr(from, count));
  }
  // These bytes, copied if they were borrowed.
  Bytes own() && { return owned() ? std::move(*this) : Bytes(data_); }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.data_ == b.data_; }

 private:
  std::string_view data_;
  ChunkRef chunk_;
};

}  // namespace fairlead
