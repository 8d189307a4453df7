#include "fairlead/async/frame_pool.h"

#include <array>
#include <new>

#include "fairlead/base/sanitizers.h"

namespace fairlead::internal {
namespace {

// Under a sanitizer every frame goes to the real allocator.
constexpr bool kPooled = !kMemoryIsWatched;

constexpr std::size_t kClassBytes = 64;
constexpr std::size_t kClasses = 32;      // frames up to 2 KiB
constexpr std::size_t kFramesMax = 1024;  // kept per class and thread

struct FreeFrame {
  FreeFrame* next;
};

struct Pool {
  struct List {
    FreeFrame* head = nullptr;
    std::size_t count = 0;
  };
  std::array<List, kClasses> lists{};

  ~Pool() {
    for (List& list : lists) {
      while (list.head != nullptr) {
        FreeFrame* frame = list.head;
        list.head = frame->next;
        ::operator delete(frame);
      }
      list.count = kFramesMax;  // frames freed later in this thread's end go to the allocator
    }
  }
};

thread_local Pool pool;

std::size_t class_of(std::size_t bytes) { return (bytes + kClassBytes - 1) / kClassBytes - 1; }

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t index = class_of(bytes);
  if (!kPooled || index >= kClasses) return ::operator new(bytes);
  Pool::List& list = pool.lists[index];
  if (list.head == nullptr) return ::operator new((index + 1) * kClassBytes);
  FreeFrame* frame = list.head;
  list.head = frame->next;
  --list.count;
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes);
  if (!kPooled || index >= kClasses || pool.lists[index].count >= kFramesMax) {
    ::operator delete(frame);
    return;
  }
  Pool::List& list = pool.lists[index];
  list.head = new (frame) FreeFrame{list.head};
  ++list.count;
}

}  // namespace fairlead::internal
