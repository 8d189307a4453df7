#include "fairlead/observe/metric_cells.h"

#include <bitset>
#include <memory>
#include <new>

#include "fairlead/base/mutex.h"

namespace fairlead::observe::internal {
namespace {

constexpr std::align_val_t kCacheLine{64};

// Which slots living threads hold. Slot 0 is nobody's.
class SlotTable {
 public:
  std::uint32_t take() {
    const MutexLock lock(mutex_);
    for (std::uint32_t slot = 1; slot < kThreadSlots; ++slot) {
      if (taken_.test(slot)) continue;
      taken_.set(slot);
      return slot;
    }
    return kSharedSlot;
  }
  void give_back(std::uint32_t slot) {
    const MutexLock lock(mutex_);
    taken_.reset(slot);
  }

 private:
  Mutex mutex_;
  std::bitset<kThreadSlots> taken_ FL_GUARDED_BY(mutex_);
};

// Never destroyed: threads may end after main has returned.
SlotTable& slot_table() {
  static SlotTable* const table = new SlotTable;
  return *table;
}

// Returns the slot when its thread ends; what the thread still counts then goes to the shared slot.
struct SlotOwner {
  std::uint32_t slot = kSharedSlot;
  ~SlotOwner() {
    thread_slot = kSharedSlot;
    if (slot != kSharedSlot) slot_table().give_back(slot);
  }
};

}  // namespace

std::uint32_t take_thread_slot() {
  static thread_local SlotOwner owner;
  owner.slot = slot_table().take();
  thread_slot = owner.slot;
  return thread_slot;
}

CellBlock::~CellBlock() {
  for (const std::atomic<Cell*>& shard : shards_) {
    ::operator delete[](shard.load(std::memory_order_acquire), kCacheLine);
  }
}

std::uint64_t CellBlock::sum(std::uint32_t cell) const {
  std::uint64_t total = 0;
  for (const std::atomic<Cell*>& shard : shards_) {
    const Cell* cells = shard.load(std::memory_order_acquire);
    if (cells != nullptr) total += cells[cell].load(std::memory_order_relaxed);
  }
  return total;
}

Cell* CellBlock::make_shard(std::uint32_t slot) {
  void* const memory = ::operator new[](kCellsPerBlock * sizeof(Cell), kCacheLine);
  Cell* const fresh = static_cast<Cell*>(memory);
  std::uninitialized_value_construct_n(fresh, kCellsPerBlock);
  Cell* present = nullptr;
  // Only the shared slot has more than one thread that may come here at the same time.
  if (shards_[slot].compare_exchange_strong(present, fresh, std::memory_order_acq_rel)) {
    return fresh;
  }
  ::operator delete[](memory, kCacheLine);
  return present;
}

}  // namespace fairlead::observe::internal
