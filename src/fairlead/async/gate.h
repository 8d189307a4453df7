// Gate: counts work in flight, so that its owner can wait for the end of it before it goes away.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/check.h"
#include "fairlead/base/result.h"

namespace fairlead {

// Thread: one core. The destructor checks that nobody is inside.
class Gate {
 public:
  // Held by one piece of work; leaving happens on destruction.
  class Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    friend Gate;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Gate* gate_;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { FL_CHECK(inside_ == 0); }

  // nullopt once the gate is closing.
  std::optional<Pass> enter() {
    if (closing_) return std::nullopt;
    ++inside_;
    return Pass(this);
  }
  std::size_t inside() const { return inside_; }
  bool closing() const { return closing_; }

  // Lets nobody in any more and waits until all have left. Idempotent.
  // Errors: kDeadlineExceeded `wait.deadline`; whoever is inside stays inside.
  Task<Status> close(TimerWheel& timers, Deadline deadline) {
    closing_ = true;
    if (inside_ == 0) co_return Status();
    Status waited = co_await empty_.wait(timers, deadline);
    co_return waited;
  }

 private:
  void leave() {
    if (--inside_ == 0 && closing_) empty_.set();
  }

  std::size_t inside_ = 0;
  bool closing_ = false;
  Event empty_;
};

}  // namespace fairlead
