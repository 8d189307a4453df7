// LineGate: of what a peer can make happen at any rate, the first is told at once, and once a
// minute how many there were since.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/base/mutex.h"
#include "fairlead/base/time.h"

namespace fairlead::observe {

// Thread: any. Cost: two atomics and no lock.
class LineGate {
 public:
  static constexpr Duration kLineEvery = std::chrono::minutes(1);

  // It happened at `now`. Told: how often since the line before, this time included. nullopt: it
  // is not to be told now.
  std::optional<std::uint64_t> pass(Time now) {
    untold_.fetch_add(1, std::memory_order_relaxed);
    const Time::rep at = now.time_since_epoch().count();
    Time::rep due = next_line_.load(std::memory_order_relaxed);
    const Time::rep next = at + kLineEvery.count();
    if (at < due || !next_line_.compare_exchange_strong(due, next, std::memory_order_relaxed)) {
      return std::nullopt;
    }
    return untold_.exchange(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> untold_{0};
  std::atomic<Time::rep> next_line_{0};  // ns
};

// The same for each of some keys, which are words of ours and not of peers. Thread: any; a lock.
class LineGates {
 public:
  static constexpr std::size_t kKeysMax = 64;  // what comes later shares one

  std::optional<std::uint64_t> pass(std::string_view key, Time now) FL_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    auto found = gates_.find(key);
    if (found == gates_.end()) {
      found = gates_.try_emplace(gates_.size() < kKeysMax ? std::string(key) : std::string()).first;
    }
    return found->second.pass(now);
  }

 private:
  Mutex mutex_;
  std::map<std::string, LineGate, std::less<>> gates_ FL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::observe
