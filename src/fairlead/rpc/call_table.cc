#include "fairlead/rpc/call_table.h"

#include <algorithm>
#include <limits>

#include "fairlead/base/check.h"

namespace fairlead::rpc {

std::int32_t CallTable::next_seq() {
  last_seq_ = last_seq_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_seq_ + 1;
  return last_seq_;
}

std::int32_t CallTable::add(PendingCall& call) {
  if ((size_ + 1) * 2 > slots_.size()) grow();
  std::int32_t seq = next_seq();
  while (slots_[slot_of(seq)] != nullptr) seq = next_seq();
  slots_[slot_of(seq)] = &call;
  call.seq_ = seq;
  ++size_;
  return seq;
}

PendingCall* CallTable::take(std::int32_t seq) {
  if (size_ == 0 || seq <= 0) return nullptr;
  PendingCall*& slot = slots_[slot_of(seq)];
  if (slot == nullptr || slot->seq_ != seq) return nullptr;
  --size_;
  return std::exchange(slot, nullptr);
}

void CallTable::remove(PendingCall& call) {
  PendingCall*& slot = slots_[slot_of(call.seq_)];
  if (slot != &call) return;  // taken already
  slot = nullptr;
  --size_;
}

PendingCall* CallTable::take_any() {
  if (size_ == 0) return nullptr;
  const auto found =
      std::ranges::find_if(slots_, [](PendingCall* call) { return call != nullptr; });
  --size_;
  return std::exchange(*found, nullptr);
}

PendingCall* CallTable::take_expired(Time now, std::size_t& place) {
  for (; place < slots_.size(); ++place) {
    PendingCall* call = slots_[place];
    if (call == nullptr || call->deadline_ > now) continue;
    --size_;
    return std::exchange(slots_[place], nullptr);
  }
  return nullptr;
}

std::optional<Time> CallTable::next_deadline() const {
  std::optional<Time> next;
  for (const PendingCall* call : slots_) {
    if (call != nullptr) next = std::min(next.value_or(Time::max()), call->deadline_);
  }
  return next;
}

void CallTable::grow() {
  constexpr std::size_t kSlotsMin = 16;
  std::vector<PendingCall*> old = std::exchange(slots_, {});
  slots_.resize(std::max(kSlotsMin, old.size() * 2));
  for (PendingCall* call : old) {
    if (call == nullptr) continue;
    FL_DCHECK(slots_[slot_of(call->seq_)] == nullptr);
    slots_[slot_of(call->seq_)] = call;
  }
}

}  // namespace fairlead::rpc
