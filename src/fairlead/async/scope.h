// Scope: runs tasks beside each other and is the place where they are waited for.
#pragma once

#include <exception>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/gate.h"
#include "fairlead/async/task.h"

namespace fairlead {

namespace internal {

// A coroutine that starts at once and frees itself at its end.
struct Detached {
  struct promise_type : PooledFrame {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    // Tasks given to a scope are ours and do not throw.
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace internal

// Thread: one core. close() must have completed before destruction, or no task be running.
class Scope {
 public:
  // Starts `task` now; it runs until its first wait before spawn() returns. A closing scope drops
  // the task unstarted.
  void spawn(Task<void> task) {
    if (std::optional<Gate::Pass> pass = gate_.enter()) run(std::move(task), std::move(*pass));
  }
  // The same for work that goes on behind the call that is being served: it inherits nothing.
  void spawn_detached(Task<void> task) {
    const AmbientScope none(nullptr);
    spawn(std::move(task));
  }
  // Heard by tasks that were given it; cancelled by close().
  CancelToken token() const { return cancel_.token(); }
  std::size_t running() const { return gate_.inside(); }

  // Cancels the token and waits for the end of every task.
  // Errors: kDeadlineExceeded `wait.deadline`.
  Task<Status> close(TimerWheel& timers, Deadline deadline) {
    cancel_.cancel();
    return gate_.close(timers, deadline);
  }

 private:
  static internal::Detached run(Task<void> task, Gate::Pass pass) {
    {
      Task<void> running = std::move(task);  // its frame is gone before the pass is
      co_await running;
    }
    Gate::Pass leaving = std::move(pass);
  }

  CancelSource cancel_;
  Gate gate_;
};

}  // namespace fairlead
