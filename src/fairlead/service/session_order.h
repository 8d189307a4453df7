// SessionOrder: the sessions of a core by their numbers, in the order of coming.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fairlead/base/check.h"

namespace fairlead::service::internal {

// A sorted array with holes: 16 bytes a session and no memory of its own for each. Thread: its
// core. Cost: add() and remove() are O(1) and O(log n), now and then O(n) to close the holes.
template <class Entry>
class SessionOrder {
 public:
  struct Numbered {
    std::uint64_t number = 0;
    Entry* entry = nullptr;  // null: it has gone
  };

  // `number` is larger than those of all that came before.
  void add(std::uint64_t number, Entry& entry) {
    FL_DCHECK(all_.empty() || all_.back().number < number);
    all_.push_back({number, &entry});
  }
  void remove(std::uint64_t number) {
    const auto found = std::ranges::lower_bound(all_, number, {}, &Numbered::number);
    FL_CHECK(found != all_.end() && found->number == number && found->entry != nullptr);
    found->entry = nullptr;
    if (++holes_ * 2 > all_.size()) close_holes();
  }
  // The first that came after the one with this number; `entry` is null when there is none.
  Numbered after(std::uint64_t number) const {
    auto next = std::ranges::upper_bound(all_, number, {}, &Numbered::number);
    while (next != all_.end() && next->entry == nullptr) ++next;
    return next == all_.end() ? Numbered{} : *next;
  }
  bool empty() const { return holes_ == all_.size(); }
  // Of those that are there and of those that have gone: what it takes memory for.
  std::size_t slots() const { return all_.size(); }

 private:
  void close_holes() {
    std::erase_if(all_, [](const Numbered& one) { return one.entry == nullptr; });
    holes_ = 0;
    if (all_.capacity() > all_.size() * 4) all_.shrink_to_fit();
  }

  std::vector<Numbered> all_;
  std::size_t holes_ = 0;
};

}  // namespace fairlead::service::internal
