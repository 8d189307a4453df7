// The log's way to a file descriptor: lines are formatted where they happen and written by a thread
// of their own, so that a slow terminal or disk never holds up a core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "fairlead/base/result.h"
#include "fairlead/observe/log.h"

namespace fairlead::observe {

enum class LogForm : std::uint8_t { kText, kJson };

// A LogSink on spdlog's asynchronous logger. Thread: any. Its destructor writes what is queued.
class AsyncLogSink final : public LogSink {
 public:
  struct Options {
    std::FILE* file = stderr;  // borrowed, open as long as the sink lives
    LogForm form = LogForm::kText;
    std::size_t queue_lines_max = 8192;  // 1 .. 1 Mi; beyond it the oldest line is dropped
  };

  // Errors: kInvalidOperation `log.bad_queue`, kInternal `log.start_failed` (no thread).
  static Result<std::unique_ptr<AsyncLogSink>> make(Options options);
  ~AsyncLogSink() override;

  void write(const LogRecord& record) override;
  // Gives up after 5 seconds of a file that takes nothing.
  void flush() override;
  std::uint64_t dropped() const;  // lines that gave way in a full queue

 private:
  struct Parts;
  AsyncLogSink(LogForm form, std::unique_ptr<Parts> parts);

  const LogForm form_;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace fairlead::observe
