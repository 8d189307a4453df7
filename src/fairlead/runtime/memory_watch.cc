#include "fairlead/runtime/memory_watch.h"

#include <array>
#include <utility>

#include "fairlead/base/start_thread.h"
#include "fairlead/observe/log.h"
#include "fairlead/runtime/memory_limit.h"

namespace fairlead::runtime {
namespace {

constexpr std::array<std::uint64_t, 4> kPercent = {0, 80, 90, 95};  // from there on
constexpr std::uint64_t kBackPercent = 5;                           // so far below it ends

}  // namespace

std::string_view memory_level_name(MemoryLevel level) {
  constexpr std::array<std::string_view, 4> kNames = {"normal", "tight", "short", "critical"};
  return kNames[static_cast<std::size_t>(level)];
}

MemoryWatch::MemoryWatch(Options options)
    : options_(std::move(options)),
      memory_max_(options_.memory_max != 0 ? options_.memory_max : memory_limit()) {}

Result<std::unique_ptr<MemoryWatch>> MemoryWatch::make(Options options,
                                                       observe::Registry& registry) {
  if (!options.used) options.used = memory_used;
  std::unique_ptr<MemoryWatch> made(new MemoryWatch(std::move(options)));
  const observe::MetricInfo bytes{"fairlead_runtime_memory_bytes",
                                  "What the process holds in memory, and may hold."};
  FL_TRY_ASSIGN(made->used_bytes_, registry.gauge(bytes, {{"owner", "process"}}));
  FL_TRY_ASSIGN(made->limit_bytes_, registry.gauge(bytes, {{"owner", "limit"}}));
  FL_TRY_ASSIGN(made->level_gauge_,
                registry.gauge({"fairlead_runtime_memory_level",
                                "0 normal, 1 tight (80 %), 2 short (90 %), 3 critical (95 %)."}));
  return made;
}

MemoryWatch::~MemoryWatch() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status MemoryWatch::start() {
  FL_TRY_ASSIGN(thread_, start_thread("fl-memory-watch", [this] { run(); }));
  return {};
}

void MemoryWatch::run() {
  while (true) {
    look(steady_now());
    MutexLock lock(mutex_);
    const auto next = std::chrono::steady_clock::now() + kLookEvery;
    while (!ending_ && changed_.wait_until(mutex_, next)) {
    }
    if (ending_) return;
  }
}

MemoryLevel MemoryWatch::next_level(MemoryLevel before, std::uint64_t used, std::uint64_t limit) {
  // In doubles: a limit may be all that 64 bits hold.
  const double percent = 100.0 * static_cast<double>(used) / static_cast<double>(limit);
  auto level = static_cast<std::size_t>(before);
  while (level + 1 < kPercent.size() && percent >= static_cast<double>(kPercent[level + 1])) {
    ++level;
  }
  while (level > 0 && percent < static_cast<double>(kPercent[level] - kBackPercent)) --level;
  return static_cast<MemoryLevel>(level);
}

void MemoryWatch::look(Time now) {
  const std::uint64_t used = options_.used();
  std::uint64_t limit = 0;
  MemoryLevel before{};
  MemoryLevel after{};
  bool release = false;
  {
    MutexLock lock(mutex_);
    limit = memory_max_;
    before = level_;
    after = level_ = next_level(before, used, limit);
    release = after != MemoryLevel::kNormal &&
              (released_ == Time::min() || now - released_ >= kReleaseEvery);
    if (release) released_ = now;
  }
  used_bytes_.set(static_cast<std::int64_t>(used));
  limit_bytes_.set(static_cast<std::int64_t>(limit));
  level_gauge_.set(static_cast<std::int64_t>(after));
  if (after != before) {
    FL_LOG(warn, "memory.level", {"from", memory_level_name(before)},
           {"to", memory_level_name(after)}, {"used_bytes", used}, {"limit_bytes", limit},
           {"setting", options_.setting});
    if (options_.on_level) options_.on_level(after, limit);
  }
  if (release && options_.release_idle) options_.release_idle();
}

void MemoryWatch::update(std::uint64_t memory_max) {
  MutexLock lock(mutex_);
  memory_max_ = memory_max != 0 ? memory_max : memory_limit();
}

MemoryLevel MemoryWatch::level() const {
  MutexLock lock(mutex_);
  return level_;
}

}  // namespace fairlead::runtime
