// Ambient: what the code that runs now works under, because a call is being served: its deadline
// and who may cancel it. Calls that are made meanwhile inherit both without a word.
//
//   AmbientScope          sets it for a block, on one thread
//   ResumePoint           what an awaitable keeps of a coroutine: it wakes under the same ambient
//
// It follows a coroutine through its waits and into the tasks that it awaits or spawns; a task
// given to Scope::spawn_detached() has none.
#pragma once

#include <coroutine>
#include <utility>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"

namespace fairlead {

struct Ambient {
  Deadline deadline{};
  CancelToken cancel{};
};

namespace internal {
extern constinit thread_local const Ambient* ambient_now;
}

// Null: nothing is inherited. Good until the next co_await.
inline const Ambient* ambient() { return internal::ambient_now; }

// Thread: the one it was made on, which also destroys it; no wait in between.
class AmbientScope {
 public:
  explicit AmbientScope(const Ambient* now) : before_(std::exchange(internal::ambient_now, now)) {}
  AmbientScope(const AmbientScope&) = delete;
  AmbientScope& operator=(const AmbientScope&) = delete;
  ~AmbientScope() { internal::ambient_now = before_; }

 private:
  const Ambient* const before_;
};

// A suspended coroutine. Cost beside the handle: a copy of the ambient, where there is one.
class ResumePoint {
 public:
  ResumePoint() = default;
  ResumePoint(const ResumePoint&) = delete;
  ResumePoint& operator=(const ResumePoint&) = delete;

  void keep(std::coroutine_handle<> handle) {
    handle_ = handle;
    inherits_ = ambient() != nullptr;
    if (inherits_) [[unlikely]]
      ambient_ = *ambient();
  }
  explicit operator bool() const { return handle_ != nullptr; }
  // May destroy this object.
  void resume() {
    const std::coroutine_handle<> handle = handle_;
    if (!inherits_) [[likely]] {
      const AmbientScope none(nullptr);
      return handle.resume();
    }
    const Ambient mine = std::move(ambient_);
    const AmbientScope here(&mine);
    handle.resume();
  }

 private:
  std::coroutine_handle<> handle_;
  bool inherits_ = false;
  Ambient ambient_;
};

}  // namespace fairlead
