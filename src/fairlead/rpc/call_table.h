// CallTable: the calls of one session that wait for their replies, by sequence number.
//
// A ring of slots, indexed by the low bits of the number. Numbers are ours to choose: one whose
// slot is taken by a call that has been waiting long is skipped, so look-up is one access and never
// a search. The ring is at most half full.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "fairlead/base/time.h"
#include "fairlead/rpc/pending_call.h"

namespace fairlead::rpc {

// Thread: the session's core. Owns no memory until the first call.
class CallTable {
 public:
  // Gives `call` the next free number, 1 .. 2^31 - 1, and keeps it until take() or remove().
  std::int32_t add(PendingCall& call);
  // The call with this number, taken out; null for numbers that nobody waits for.
  PendingCall* take(std::int32_t seq);
  void remove(PendingCall& call);
  // Any call, taken out; null when empty. For the end of the session.
  PendingCall* take_any();
  // A call whose deadline is at or before `now`, taken out; null when there is none. The search
  // goes on where the last one of the same `place` ended, which begins as 0.
  PendingCall* take_expired(Time now, std::size_t& place);
  // The earliest deadline of all; nullopt when empty. Looks at every slot.
  std::optional<Time> next_deadline() const;
  // The next number without a call, for a PUSH.
  std::int32_t next_seq();

  std::size_t size() const { return size_; }

 private:
  PendingCall*& slot_of(std::int32_t seq) const {
    return slots_[static_cast<std::uint32_t>(seq) & (slot_count_ - 1)];
  }
  std::span<PendingCall*> slots() const { return {slots_.get(), slot_count_}; }
  void grow();

  std::unique_ptr<PendingCall*[]> slots_;
  std::uint32_t slot_count_ = 0;  // a power of two, or 0
  std::uint32_t size_ = 0;
  std::int32_t last_seq_ = 0;
};

}  // namespace fairlead::rpc
