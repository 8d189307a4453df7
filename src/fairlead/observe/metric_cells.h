// Cells: where metrics keep their numbers, so that counting costs no lock and no shared cache line.
//
//   CellBlock  shards_[slot] ──> kCellsPerBlock numbers that only the thread with that slot writes
//
// Each thread takes a slot of the process for its life. A thread adds to the cells of its own slot
// with a plain load and store; whoever reads sums over all slots. Threads beyond kThreadSlots share
// slot 0 and pay for an atomic add. This is the private side of metrics.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fairlead::observe::internal {

inline constexpr std::uint32_t kThreadSlots = 128;
inline constexpr std::uint32_t kSharedSlot = 0;
inline constexpr std::uint32_t kNoSlot = 0xFFFFFFFF;
inline constexpr std::uint32_t kCellsPerBlock = 512;

using Cell = std::atomic<std::uint64_t>;

// The slot of this thread, given at its first use and returned when it ends. Process-wide by
// nature, as a thread's number is; it says nothing about any registry.
inline constinit thread_local std::uint32_t thread_slot = kNoSlot;
std::uint32_t take_thread_slot();

// Thread: add() and sum() from any thread.
class CellBlock {
 public:
  CellBlock() = default;
  ~CellBlock();
  CellBlock(const CellBlock&) = delete;
  CellBlock& operator=(const CellBlock&) = delete;

  // Adds to a cell of this thread, modulo 2^64; a signed delta is added as its two's complement.
  void add(std::uint32_t cell, std::uint64_t delta) {
    std::uint32_t slot = thread_slot;
    if (slot == kNoSlot) [[unlikely]]
      slot = take_thread_slot();
    Cell* cells = shards_[slot].load(std::memory_order_acquire);
    if (cells == nullptr) [[unlikely]]
      cells = make_shard(slot);
    Cell& own = cells[cell];
    if (slot != kSharedSlot) [[likely]] {
      own.store(own.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
    } else {
      own.fetch_add(delta, std::memory_order_relaxed);
    }
  }

  // The cell over all threads. What other threads add meanwhile may be missed.
  std::uint64_t sum(std::uint32_t cell) const;

 private:
  Cell* make_shard(std::uint32_t slot);

  std::array<std::atomic<Cell*>, kThreadSlots> shards_{};
};

}  // namespace fairlead::observe::internal
