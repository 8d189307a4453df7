// Memory for coroutine frames: per-thread free lists by size class.
//
// A handler or a call makes a frame of a few hundred bytes and frees it microseconds later on the
// same thread; taking it from a list costs about half of malloc and free (docs/adr/0002).
#pragma once

#include <cstddef>

namespace fairlead::internal {

// Thread: any; memory may be given back on another thread than it came from.
void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes) noexcept;

// Base of coroutine promises: frames come from the pool.
struct PooledFrame {
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }
};

}  // namespace fairlead::internal
