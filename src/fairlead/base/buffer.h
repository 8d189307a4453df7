// Buffer: a growing run of bytes, written at the end and consumed at the front.
//
//      storage   | consumed | readable (view) | room (prepare) |
//                0        begin_             end_          capacity_
//
// Encoders append to it; connections send from its front. Unlike std::string it never fills new
// memory with zeros, and a Buffer that was emptied by release() owns no memory at all.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/check.h"

namespace fairlead {

// Views are valid until the next non-const call. Thread: one owner.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::string_view data) { append(data); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    release();
    swap(other);
    return *this;
  }
  ~Buffer() { release(); }

  std::string_view view() const { return {data_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }

  // At least `count` writable bytes at the end; commit() makes the written ones readable.
  char* prepare(std::size_t count) {
    if (capacity_ - end_ < count) grow(count);
    return data_ + end_;
  }
  void commit(std::size_t count) {
    FL_DCHECK(count <= capacity_ - end_);
    end_ += count;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  void append(char byte) {
    *prepare(1) = byte;
    ++end_;
  }

  // The readable byte at `offset` < size(), to patch lengths that were not known before.
  char* at(std::size_t offset) {
    FL_DCHECK(offset <= size());
    return data_ + begin_ + offset;
  }
  void consume(std::size_t count) {  // from the front; `count` <= size()
    FL_DCHECK(count <= size());
    begin_ += count;
    if (begin_ == end_) clear();
  }
  void truncate(std::size_t count) {  // keeps the first `count` <= size() bytes
    FL_DCHECK(count <= size());
    end_ = begin_ + count;
  }
  void clear() { begin_ = end_ = 0; }  // keeps the memory
  void release();                      // gives the memory back
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t count);

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fairlead
