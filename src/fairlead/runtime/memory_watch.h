// MemoryWatch: a thread that sees how near the process is to the memory that it may have.
//
//   NORMAL ─ 80 % ─► TIGHT ─ 90 % ─► SHORT ─ 95 % ─► CRITICAL
//     ^                │               │                │
//     └── below 75 % ──┘◄─ below 85 % ─┘◄── below 90 % ─┘
//
// It jumps over levels both ways; what a level means is its listener's business. Each change is a
// line `memory.level`. From TIGHT on idle memory is given back, at most once a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::runtime {

enum class MemoryLevel : std::uint8_t { kNormal, kTight, kShort, kCritical };
// "normal", "tight", "short", "critical"
std::string_view memory_level_name(MemoryLevel level);

// Thread: any. Lifetime: what the functions of its options use outlives it.
class MemoryWatch {
 public:
  struct Options {
    std::uint64_t memory_max = 0;  // bytes; 0: what the system gives (memory_limit())
    // Called on the watch's thread, or that of look(), when the level has changed.
    std::function<void(MemoryLevel level, std::uint64_t memory_max)> on_level{};
    // Called from TIGHT on; empty: nothing.
    std::function<void()> release_idle{};
    std::function<std::uint64_t()> used{};  // bytes in use; empty: memory_used()
    std::string setting = "limits.memory";  // that moves `memory_max`, for the log
  };
  static constexpr Duration kLookEvery = std::chrono::milliseconds(250);
  static constexpr Duration kReleaseEvery = std::chrono::seconds(1);

  // Metrics: fairlead_runtime_memory_bytes{owner="process" "limit"}, fairlead_runtime_memory_level.
  // Errors: those of observe::Registry.
  static Result<std::unique_ptr<MemoryWatch>> make(Options options, observe::Registry& registry);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  // Once; looks every kLookEvery from a thread of its own. Errors: those of start_thread().
  Status start();
  void look(Time now) FL_EXCLUDES(mutex_);
  // Another limit from the next look on; 0: what the system gives.
  void update(std::uint64_t memory_max) FL_EXCLUDES(mutex_);
  MemoryLevel level() const FL_EXCLUDES(mutex_);

 private:
  explicit MemoryWatch(Options options);
  static MemoryLevel next_level(MemoryLevel before, std::uint64_t used, std::uint64_t limit);
  void run();

  const Options options_;
  observe::Gauge used_bytes_;
  observe::Gauge limit_bytes_;
  observe::Gauge level_gauge_;
  mutable Mutex mutex_;
  std::uint64_t memory_max_ FL_GUARDED_BY(mutex_);
  MemoryLevel level_ FL_GUARDED_BY(mutex_) = MemoryLevel::kNormal;
  Time released_ FL_GUARDED_BY(mutex_) = Time::min();
  bool ending_ FL_GUARDED_BY(mutex_) = false;
  CondVar changed_;
  std::thread thread_;
};

}  // namespace fairlead::runtime
