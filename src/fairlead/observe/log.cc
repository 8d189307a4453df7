#include "fairlead/observe/log.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::observe {
namespace {

constexpr Duration kWindow = std::chrono::seconds(1);

}  // namespace

Logger::Logger(Options options, std::unique_ptr<LogSink> sink)
    : events_per_second_max_(options.events_per_second_max),
      now_(options.now ? std::move(options.now) : std::function<Time()>(steady_now)),
      wall_ms_(options.wall_ms ? std::move(options.wall_ms)
                               : std::function<std::int64_t()>(fairlead::wall_ms)),
      sink_(std::move(sink)),
      level_(options.level) {}

Logger::~Logger() { flush(); }

void Logger::set_level(LogLevel level) {
  level_.store(level, std::memory_order_relaxed);
  if (internal::default_logger.load(std::memory_order_acquire) == this) {
    internal::default_level.store(level, std::memory_order_relaxed);
  }
}

void Logger::log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  if (events_per_second_max_ > 0 && level != LogLevel::kDebug && !admit(level, event)) return;
  sink_->write({wall_ms_(), level, event, {fields.begin(), fields.size()}});
}

void Logger::flush() {
  std::vector<Suppressed> over;
  {
    const MutexLock lock(mutex_);
    over = take_suppressed(Time::max());
  }
  tell(over);
  sink_->flush();
}

// Counts this record. False when its event has used up its second.
bool Logger::admit(LogLevel level, std::string_view event) {
  const Time now = now_();
  std::vector<Suppressed> over;
  bool admitted = true;
  {
    const MutexLock lock(mutex_);
    if (now >= next_telling_) over = take_suppressed(now);
    Window& window = windows_[event];
    if (window.passed == 0 || now - window.start >= kWindow) window = {level, now, 0, 0};
    if (window.passed < events_per_second_max_) {
      ++window.passed;
    } else {
      ++window.suppressed;
      next_telling_ = std::min(next_telling_, window.start + kWindow);
      admitted = false;
    }
  }
  tell(over);
  return admitted;
}

// Takes the counts of windows that are over at `now`.
std::vector<Logger::Suppressed> Logger::take_suppressed(Time now) {
  std::vector<Suppressed> over;
  next_telling_ = Time::max();
  for (auto& [event, window] : windows_) {
    if (window.suppressed == 0) continue;
    const Time end = window.start + kWindow;
    if (end <= now)
      over.push_back({event, window.level, std::exchange(window.suppressed, 0)});
    else
      next_telling_ = std::min(next_telling_, end);
  }
  return over;
}

void Logger::tell(const std::vector<Suppressed>& over) {
  for (const Suppressed& each : over) {
    const std::array<LogField, 2> fields = {LogField("of", each.event),
                                            LogField("count", each.count)};
    sink_->write({wall_ms_(), each.level, "log.suppressed", fields});
  }
}

ScopedDefaultLogger::ScopedDefaultLogger(Logger& logger)
    : before_(internal::default_logger.exchange(&logger, std::memory_order_acq_rel)) {
  internal::default_level.store(logger.level(), std::memory_order_relaxed);
}

ScopedDefaultLogger::~ScopedDefaultLogger() {
  internal::default_logger.store(before_, std::memory_order_release);
  internal::default_level.store(before_ == nullptr ? LogLevel::kOff : before_->level(),
                                std::memory_order_relaxed);
}

namespace internal {

void log_default(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  Logger* const logger = default_logger.load(std::memory_order_acquire);
  if (logger != nullptr) logger->log(level, event, fields);
}

}  // namespace internal

void flush_default_log() {
  Logger* const logger = internal::default_logger.load(std::memory_order_acquire);
  if (logger != nullptr) logger->flush();
}

}  // namespace fairlead::observe
