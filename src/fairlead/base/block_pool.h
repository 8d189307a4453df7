// Memory blocks for buffers and chunks: sizes are powers of two from 16 KiB to 512 KiB, and each
// thread keeps a few free ones of every size.
//
// Connections take such blocks for one burst and give them back. Going to the system's allocator
// each time is dear: above some size it returns the pages, and the next burst pays a page fault for
// every 4 KiB again (docs/adr/0010).
#pragma once

#include <cstddef>

namespace fairlead::internal {

inline constexpr std::size_t kBlockBytesMin = std::size_t{16} << 10;
inline constexpr std::size_t kBlockBytesMax = std::size_t{512} << 10;  // larger ones are not kept
// Free blocks that a thread keeps: so many bytes of each size, but at least two blocks.
inline constexpr std::size_t kFreeBytesMax = std::size_t{1} << 20;

// The size of the block that a request for `bytes` gets: the next power of two; above
// kBlockBytesMax the next multiple of 4 KiB. Under a sanitizer `bytes` itself, so that every
// access beyond them is seen.
std::size_t block_size(std::size_t bytes);

// A block of block_size(bytes) bytes. Thread: any; it may be given back on another one.
char* allocate_block(std::size_t bytes);
// `size`: what block_size() said.
void free_block(char* block, std::size_t size) noexcept;
// Gives the free blocks that this thread keeps back to the allocator.
void free_idle_blocks() noexcept;

}  // namespace fairlead::internal
