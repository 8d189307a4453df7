#include "fairlead/async/mailbox.h"

namespace fairlead {

bool Mailbox::put(Letter letter) {
  MutexLock lock(mutex_);
  letters_.push_back(std::move(letter));
  return count_.fetch_add(1, std::memory_order_acq_rel) == 0;
}

std::size_t Mailbox::run_all() {
  if (empty()) return 0;
  {
    MutexLock lock(mutex_);
    running_.swap(letters_);
    count_.store(0, std::memory_order_release);
  }
  const std::size_t count = running_.size();
  for (Letter& letter : running_) letter();
  running_.clear();
  return count;
}

}  // namespace fairlead
