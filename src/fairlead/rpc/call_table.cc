#include "fairlead/rpc/call_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "fairlead/base/check.h"

namespace fairlead::rpc {

std::int32_t CallTable::next_seq() {
  last_seq_ = last_seq_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_seq_ + 1;
  return last_seq_;
}

std::int32_t CallTable::add(PendingCall& call) {
  if ((size_ + 1) * 2 > slot_count_) grow();
  std::int32_t seq = next_seq();
  while (slot_of(seq) != nullptr) seq = next_seq();
  slot_of(seq) = &call;
  call.seq_ = seq;
  ++size_;
  return seq;
}

PendingCall* CallTable::take(std::int32_t seq) {
  if (size_ == 0 || seq <= 0) return nullptr;
  PendingCall*& slot = slot_of(seq);
  if (slot == nullptr || slot->seq_ != seq) return nullptr;
  --size_;
  return std::exchange(slot, nullptr);
}

void CallTable::remove(PendingCall& call) {
  PendingCall*& slot = slot_of(call.seq_);
  if (slot != &call) return;  // taken already
  slot = nullptr;
  --size_;
}

PendingCall* CallTable::take_any() {
  if (size_ == 0) return nullptr;
  const auto found =
      std::ranges::find_if(slots(), [](PendingCall* call) { return call != nullptr; });
  --size_;
  return std::exchange(*found, nullptr);
}

PendingCall* CallTable::take_expired(Time now, std::size_t& place) {
  for (; place < slot_count_; ++place) {
    PendingCall* call = slots_[place];
    if (call == nullptr || call->deadline_ > now) continue;
    --size_;
    return std::exchange(slots_[place], nullptr);
  }
  return nullptr;
}

std::optional<Time> CallTable::next_deadline() const {
  std::optional<Time> next;
  for (const PendingCall* call : slots()) {
    if (call != nullptr) next = std::min(next.value_or(Time::max()), call->deadline_);
  }
  return next;
}

void CallTable::grow() {
  constexpr std::uint32_t kSlotsMin = 16;
  const std::uint32_t old_count = slot_count_;
  slot_count_ = std::max(kSlotsMin, old_count * 2);
  const auto old = std::exchange(slots_, std::make_unique<PendingCall*[]>(slot_count_));
  for (PendingCall* call : std::span(old.get(), old_count)) {
    if (call == nullptr) continue;
    FL_DCHECK(slot_of(call->seq_) == nullptr);
    slot_of(call->seq_) = call;
  }
}

}  // namespace fairlead::rpc
