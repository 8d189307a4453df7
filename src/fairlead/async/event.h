// Event: something that happens once and that coroutines wait for. And sleeping.
#pragma once

#include <coroutine>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/status.h"

namespace fairlead {

// Stays set once set(). Waiters are woken in the order in which they came.
// Thread: one core. Lifetime: outlives its waiters, or set() was called.
class Event {
 public:
  class Waiter;

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  bool is_set() const { return set_; }
  // Wakes everybody; a waiter may destroy the event.
  void set();

  // co_await gives OK when the event is set, kDeadlineExceeded `wait.deadline`,
  // kCancelled `wait.cancelled`. Ready without suspending when it is set already.
  Waiter wait(TimerWheel& timers, Deadline deadline, CancelToken cancel = {});

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  bool set_ = false;
};

// The awaitable of Event::wait(). Destroying it (with the coroutine) forgets the wait.
class [[nodiscard]] Event::Waiter final : private Timer, private CancelListener {
 public:
  Waiter(Event* event, TimerWheel& timers, Deadline deadline, CancelToken cancel)
      : event_(event), timers_(timers), deadline_(deadline), cancel_(std::move(cancel)) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { leave(); }

  bool await_ready() const noexcept { return event_ != nullptr && event_->is_set(); }
  bool await_suspend(std::coroutine_handle<> waiting);
  Status await_resume();

 private:
  friend Event;
  friend class Sleep;
  enum class Woken : unsigned char { kBySet, kByDeadline, kByCancel };

  void on_timer() override { wake(Woken::kByDeadline); }
  void on_cancel() override { wake(Woken::kByCancel); }
  void leave();
  void wake(Woken why);

  Event* event_;  // null for a sleep
  TimerWheel& timers_;
  Deadline deadline_;
  CancelToken cancel_;
  ResumePoint waiting_;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
  bool linked_ = false;
  Woken woken_ = Woken::kBySet;
};

// co_await gives OK when `until` has come, kCancelled `wait.cancelled` when the token ended it.
class [[nodiscard]] Sleep {
 public:
  Sleep(TimerWheel& timers, Deadline until, CancelToken cancel = {})
      : waiter_(nullptr, timers, until, std::move(cancel)) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) { return waiter_.await_suspend(waiting); }
  Status await_resume();

 private:
  Event::Waiter waiter_;
};

}  // namespace fairlead
