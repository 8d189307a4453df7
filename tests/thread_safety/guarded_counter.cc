// Compiled by tests only: with FL_FORGET_LOCK it must be refused.
#include "fairlead/base/mutex.h"

namespace fairlead {

class GuardedCounter {
 public:
  void add() {
#if !defined(FL_FORGET_LOCK)
    const MutexLock lock(mutex_);
#endif
    ++count_;
  }

 private:
  Mutex mutex_;
  int count_ FL_GUARDED_BY(mutex_) = 0;
};

void use_the_counter() {
  GuardedCounter counter;
  counter.add();
}

}  // namespace fairlead
