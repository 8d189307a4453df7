// Timers on a hierarchical wheel: arming and cancelling are O(1) and never allocate.
//
//   level 0: 64 slots of 1 ms    level 1: 64 slots of 64 ms    ...    level 5: 64 slots of 12 days
//
// A timer lies in the slot of the highest bit in which its tick differs from the current one, and
// moves down a level when that slot comes due. Source: Varghese and Lauck, "Hashed and Hierarchical
// Timing Wheels" (1987), scheme 7; the choice of the level by the highest differing bit is Tokio's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "fairlead/base/time.h"

namespace fairlead {

class TimerWheel;

// One timer, embedded in what it serves. Destroying it disarms it.
// Lifetime: must be disarmed or destroyed before its wheel is.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const { return wheel_ != nullptr; }
  void disarm();

 protected:
  ~Timer() { disarm(); }

 private:
  friend TimerWheel;
  // Called by TimerWheel::advance with the timer disarmed; may arm it again or destroy it.
  virtual void on_timer() = 0;

  TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // the pointer that points at this timer
  std::uint64_t tick_ = 0;
  std::uint8_t level_ = 0;
  std::uint8_t slot_ = 0;
};

// A timer that calls a function with a context pointer.
class CallbackTimer final : public Timer {
 public:
  using Callback = void (*)(void* context);
  CallbackTimer(Callback callback, void* context) : callback_(callback), context_(context) {}

 private:
  void on_timer() override { callback_(context_); }
  Callback callback_;
  void* context_;
};

// Thread: one owner, usually a Core. Resolution: 1 ms; a timer never fires early.
class TimerWheel {
 public:
  explicit TimerWheel(Time now) : tick_(floor_tick(now)) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Fires `timer` in the first advance() at or after `at`; an armed timer is moved. Times further
  // away than the wheel reaches (2 years) are checked again when it has turned.
  void arm(Timer& timer, Time at);
  // Fires everything due at `now`, in order of ticks. A timer that is armed meanwhile fires in the
  // same call only when it lies after the tick that is being fired and is due.
  void advance(Time now) {
    if (now >= next_) fire_until(now);
  }
  // No timer fires before this moment (it may be earlier than the first one); nullopt: none armed.
  std::optional<Time> next_expiry() const {
    return size_ == 0 ? std::nullopt : std::optional(next_);
  }
  std::size_t size() const { return size_; }

 private:
  friend Timer;
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;

  struct Level {
    std::uint64_t occupied = 0;  // bit n: slot n holds a timer
    std::array<Timer*, kSlots> slots{};
  };
  struct Expiry {
    unsigned level;
    unsigned slot;
    std::uint64_t tick;
  };

  static std::uint64_t floor_tick(Time time);
  static std::uint64_t ceil_tick(Time time);
  static Time time_of(std::uint64_t tick);
  void fire_until(Time now);
  void link(Timer& timer);
  void unlink(Timer& timer);
  std::optional<Expiry> next_slot() const;

  // Before it nothing fires. Arming makes it earlier, disarming leaves it: looking is dear, and one
  // wake-up for nothing is cheap.
  Time next_ = Time::max();
  std::array<Level, kLevels> levels_{};
  std::uint64_t tick_;  // everything before or at this tick has fired
  std::size_t size_ = 0;
};

}  // namespace fairlead
