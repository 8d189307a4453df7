// Mailbox: functions that other threads hand to the thread that owns it.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "fairlead/base/mutex.h"

namespace fairlead {

// Many senders, one receiver. Order is kept.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  // Any thread. True: the box was empty, so the receiver may have to be woken.
  bool put(Letter letter) FL_EXCLUDES(mutex_);
  // Receiver: runs what has come until now; letters put meanwhile wait for the next call. Returns
  // how many ran.
  std::size_t run_all() FL_EXCLUDES(mutex_);
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

 private:
  Mutex mutex_;
  std::vector<Letter> letters_ FL_GUARDED_BY(mutex_);
  std::vector<Letter> running_;  // receiver only; kept for its memory
  std::atomic<std::size_t> count_{0};
};

}  // namespace fairlead
