// Log: structured events.
//
//   FL_LOG(warn, "session.closed", {"peer", address}, {"reason", status.reason()});
//
// Levels: `error`: a person must act; `warn`: we degraded; `info`: life cycle; `debug`: off by
// default. What a peer does is never above `warn`. Event names are literals; values go into fields.
// No bodies, no secrets.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/log_field.h"

namespace fairlead::observe {

// Where records go. Thread: write() from any thread, also at the same time.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogRecord& record) = 0;
  // Returns when everything written so far is out.
  virtual void flush() = 0;
};

// Filters by level, limits each event's rate, and hands the rest to its sink.
//
// An event name may pass `events_per_second_max` times a second. What is more is counted, and the
// count is told as `log.suppressed` when the second is over: with the next record of any event, or
// at flush(). So a peer cannot fill the disk, whatever it does. Debug is not limited.
//
// Thread: any. Lifetime: owns the sink; flushes when destroyed.
class Logger {
 public:
  struct Options {
    LogLevel level = LogLevel::kInfo;
    std::uint32_t events_per_second_max = 10;  // of each name; 0: no limit
    // Times, for tests. Empty: the system's.
    std::function<Time()> now;
    std::function<std::int64_t()> wall_ms;
  };

  Logger(Options options, std::unique_ptr<LogSink> sink);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  LogLevel level() const { return level_.load(std::memory_order_relaxed); }
  bool enabled(LogLevel level) const { return level >= this->level(); }
  void set_level(LogLevel level);

  // `event` must be a literal; FL_LOG sees to it.
  void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
  // Tells pending `log.suppressed` counts and empties the sink.
  void flush();

 private:
  struct Window {
    LogLevel level = LogLevel::kInfo;
    Time start;
    std::uint32_t passed = 0;
    std::uint64_t suppressed = 0;
  };

  struct Suppressed {
    std::string_view event;
    LogLevel level;
    std::uint64_t count;
  };

  bool admit(LogLevel level, std::string_view event);
  std::vector<Suppressed> take_suppressed(Time now) FL_REQUIRES(mutex_);
  void tell(const std::vector<Suppressed>& over);

  const std::uint32_t events_per_second_max_;
  const std::function<Time()> now_;
  const std::function<std::int64_t()> wall_ms_;
  const std::unique_ptr<LogSink> sink_;
  std::atomic<LogLevel> level_;
  Mutex mutex_;
  // Names come from the code, so there are as many as there are FL_LOG lines at most.
  std::map<std::string_view, Window> windows_ FL_GUARDED_BY(mutex_);
  // When the first window with a count to tell is over.
  Time next_telling_ FL_GUARDED_BY(mutex_) = Time::max();
};

// Makes `logger` the one that FL_LOG writes to, until destroyed; then the one before is back. Made
// by main (and by tests) before threads start, destroyed after they have ended.
class ScopedDefaultLogger {
 public:
  explicit ScopedDefaultLogger(Logger& logger);
  ~ScopedDefaultLogger();
  ScopedDefaultLogger(const ScopedDefaultLogger&) = delete;
  ScopedDefaultLogger& operator=(const ScopedDefaultLogger&) = delete;

 private:
  Logger* const before_;
};

namespace internal {

// The exception to "no mutable globals": every room logs, and a logger handed through each
// constructor would be in every signature for no one's benefit. Set by ScopedDefaultLogger only.
inline constinit std::atomic<Logger*> default_logger{nullptr};
inline constinit std::atomic<LogLevel> default_level{LogLevel::kOff};

inline bool default_enabled(LogLevel level) {
  return level >= default_level.load(std::memory_order_relaxed);
}
void log_default(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

// The words that FL_LOG takes as levels.
inline constexpr LogLevel log_level_debug = LogLevel::kDebug;
inline constexpr LogLevel log_level_info = LogLevel::kInfo;
inline constexpr LogLevel log_level_warn = LogLevel::kWarn;
inline constexpr LogLevel log_level_error = LogLevel::kError;

}  // namespace internal

// Writes what the logger of FL_LOG still holds: before the end of a process that runs no
// destructors.
void flush_default_log();

}  // namespace fairlead::observe

// FL_LOG(level, "event.name", {"field", value}...). When the level is off it costs one relaxed load
// and evaluates nothing. Without a default logger nothing is written.
#define FL_LOG(level, event, ...)                                                                  \
  do {                                                                                             \
    if (::fairlead::observe::internal::default_enabled(                                            \
            ::fairlead::observe::internal::log_level_##level)) {                                   \
      ::fairlead::observe::internal::log_default(::fairlead::observe::internal::log_level_##level, \
                                                 "" event, {__VA_ARGS__});                         \
    }                                                                                              \
  } while (false)
