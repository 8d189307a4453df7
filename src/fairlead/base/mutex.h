// Mutex with clang's thread annotations, and the annotation macros (empty for other compilers).
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define FL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define FL_THREAD_ATTRIBUTE(x)
#endif

#define FL_CAPABILITY(name) FL_THREAD_ATTRIBUTE(capability(name))
#define FL_SCOPED_CAPABILITY FL_THREAD_ATTRIBUTE(scoped_lockable)
#define FL_GUARDED_BY(x) FL_THREAD_ATTRIBUTE(guarded_by(x))
#define FL_REQUIRES(...) FL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define FL_ACQUIRE(...) FL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define FL_RELEASE(...) FL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define FL_EXCLUDES(...) FL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define FL_ASSERT_CAPABILITY(x) FL_THREAD_ATTRIBUTE(assert_capability(x))
#define FL_NO_THREAD_SAFETY_ANALYSIS FL_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace fairlead {

class FL_CAPABILITY("mutex") Mutex {
 public:
  void lock() FL_ACQUIRE() { mutex_.lock(); }
  void unlock() FL_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for the length of a block.
class FL_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FL_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() FL_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Condition variable for Mutex. Waiters hold the mutex and re-check their condition in a loop.
class CondVar {
 public:
  void wait(Mutex& mutex) FL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when `time` passed first.
  template <class Clock, class Duration>
  bool wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> time) FL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_until(lock, time) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace fairlead
