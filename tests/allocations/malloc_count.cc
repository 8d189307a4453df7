#include "malloc_count.h"

#include <execinfo.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>

namespace {

constexpr int kStackMax = 24;

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> counted{0};
void* first_stack_frames[kStackMax];
int first_stack_size = 0;
thread_local bool noting = false;  // backtrace() may take memory itself

void note() {
  if (!counting.load(std::memory_order_relaxed) || noting) return;
  if (counted.fetch_add(1, std::memory_order_relaxed) > 0) return;
  noting = true;
  first_stack_size = backtrace(first_stack_frames, kStackMax);
  noting = false;
}

}  // namespace

// The C library's own, under the names by which it lets itself be replaced.
extern "C" {
void* __libc_malloc(std::size_t bytes) noexcept;
void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void* __libc_realloc(void* block, std::size_t bytes) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;

void* malloc(std::size_t bytes) noexcept {
  note();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  note();
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) noexcept {
  note();
  return __libc_realloc(block, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  note();
  return __libc_memalign(alignment, bytes);
}
}

namespace fairlead::allocations {

MallocCount::MallocCount() {
  void* warm_up[1];
  backtrace(warm_up, 1);  // loads what it needs
  counted = 0;
  first_stack_size = 0;
  counting = true;
}

MallocCount::~MallocCount() { counting = false; }

std::uint64_t MallocCount::blocks() const { return counted.load(std::memory_order_relaxed); }

std::string MallocCount::first_stack() {
  counting = false;
  std::string text = "first allocation (addr2line tells the lines):\n";
  char** names = backtrace_symbols(first_stack_frames, first_stack_size);
  for (int i = 0; i < first_stack_size; ++i) text.append("  ").append(names[i]).append("\n");
  std::free(static_cast<void*>(names));
  return text;
}

std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace fairlead::allocations
