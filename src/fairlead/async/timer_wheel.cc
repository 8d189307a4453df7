#include "fairlead/async/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "fairlead/base/check.h"

namespace fairlead {
namespace {

constexpr std::int64_t kTickNs = 1'000'000;

}  // namespace

void Timer::disarm() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::~TimerWheel() { FL_CHECK(size_ == 0); }

std::uint64_t TimerWheel::floor_tick(Time time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count())) /
         kTickNs;
}

std::uint64_t TimerWheel::ceil_tick(Time time) {
  const std::int64_t ns = std::max<std::int64_t>(0, time.time_since_epoch().count());
  return static_cast<std::uint64_t>(ns / kTickNs + (ns % kTickNs != 0 ? 1 : 0));
}

// Ticks beyond what a Time can say are its end.
Time TimerWheel::time_of(std::uint64_t tick) {
  constexpr std::uint64_t kTicksMax = std::numeric_limits<std::int64_t>::max() / kTickNs;
  if (tick > kTicksMax) return Time::max();
  return Time(Duration(static_cast<std::int64_t>(tick) * kTickNs));
}

void TimerWheel::arm(Timer& timer, Time at) {
  timer.disarm();
  timer.tick_ = std::max(ceil_tick(at), tick_ + 1);
  const Time due = time_of(timer.tick_);
  next_ = size_ == 0 ? due : std::min(next_, due);
  link(timer);
}

void TimerWheel::link(Timer& timer) {
  const std::uint64_t differs = (tick_ ^ timer.tick_) | (kSlots - 1);
  const auto highest = static_cast<unsigned>(63 - std::countl_zero(differs));
  const unsigned level = std::min(highest / kSlotBits, kLevels - 1);
  // On the last level: a time further away than the wheel reaches waits in the slot due last.
  constexpr std::uint64_t kReach = (std::uint64_t{1} << (kLevels * kSlotBits)) -
                                   (std::uint64_t{1} << ((kLevels - 1) * kSlotBits));
  const std::uint64_t tick = std::min(timer.tick_, tick_ + kReach);
  const auto slot = static_cast<unsigned>(tick >> (level * kSlotBits)) % kSlots;

  timer.wheel_ = this;
  timer.level_ = static_cast<std::uint8_t>(level);
  timer.slot_ = static_cast<std::uint8_t>(slot);
  Timer*& head = levels_[level].slots[slot];
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
  levels_[level].occupied |= std::uint64_t{1} << slot;
  ++size_;
}

void TimerWheel::unlink(Timer& timer) {
  *timer.link_ = timer.next_;
  if (timer.next_ != nullptr) timer.next_->link_ = timer.link_;
  Level& level = levels_[timer.level_];
  if (level.slots[timer.slot_] == nullptr) {
    level.occupied &= ~(std::uint64_t{1} << timer.slot_);
  }
  timer.wheel_ = nullptr;
  --size_;
}

// Of two levels the lower one always comes due first: its slots lie inside the current slot of
// the level above.
std::optional<TimerWheel::Expiry> TimerWheel::next_slot() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const unsigned shift = level * kSlotBits;
    const auto current = static_cast<int>((tick_ >> shift) % kSlots);
    const auto ahead = static_cast<unsigned>(std::countr_zero(std::rotr(occupied, current)));
    const unsigned slot = (static_cast<unsigned>(current) + ahead) % kSlots;
    std::uint64_t tick = ((tick_ >> shift) + ahead) << shift;
    if (tick <= tick_ && level > 0) tick += std::uint64_t{kSlots} << shift;  // a whole turn away
    return Expiry{level, slot, tick};
  }
  return std::nullopt;
}

void TimerWheel::fire_until(Time now) {
  const std::uint64_t target = floor_tick(now);
  while (size_ > 0) {
    const std::optional<Expiry> due = next_slot();
    if (!due.has_value() || due->tick > target) break;
    tick_ = std::max(tick_, due->tick);
    // The slot's list moves to a local head, so that timers armed by callbacks wait their turn.
    Timer*& slot = levels_[due->level].slots[due->slot];
    Timer* head = slot;
    slot = nullptr;
    levels_[due->level].occupied &= ~(std::uint64_t{1} << due->slot);
    head->link_ = &head;
    while (head != nullptr) {
      Timer& timer = *head;
      unlink(timer);
      if (timer.tick_ <= tick_)
        timer.on_timer();
      else
        link(timer);
    }
  }
  tick_ = std::max(tick_, target);
  const std::optional<Expiry> next = next_slot();
  next_ = next.has_value() ? time_of(next->tick) : Time::max();
}

}  // namespace fairlead
