#include "fairlead/observe/async_log_sink.h"

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include "fairlead/base/mutex.h"

namespace fairlead::observe {
namespace {

constexpr std::size_t kQueueLinesLimit = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kFlushRetry{100};
constexpr int kFlushTries = 50;

// Runs on the writing thread: lines as they come, to a C stream, each flushed, so that a crash
// loses only what is still queued. flush_() tells who waits.
class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FileSink(std::FILE* file) : file_(file) {}

  std::uint64_t flushes() {
    const MutexLock lock(mutex_);
    return flushes_;
  }
  // False when no flush came behind number `after` within kFlushRetry.
  bool wait_for_flush(std::uint64_t after) {
    const auto until = std::chrono::steady_clock::now() + kFlushRetry;
    const MutexLock lock(mutex_);
    while (flushes_ <= after) {
      if (!flushed_.wait_until(mutex_, until)) return flushes_ > after;
    }
    return true;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    // A log that cannot be written has nowhere to say so.
    (void)std::fwrite(message.payload.data(), 1, message.payload.size(), file_);
    (void)std::fflush(file_);
  }
  void flush_() override {
    const MutexLock lock(mutex_);
    ++flushes_;
    flushed_.notify_all();
  }

 private:
  std::FILE* const file_;
  Mutex mutex_;
  CondVar flushed_;
  std::uint64_t flushes_ FL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

struct AsyncLogSink::Parts {
  Parts(std::FILE* file, std::size_t queue_lines)
      : sink(std::make_shared<FileSink>(file)),
        pool(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1)),
        logger(std::make_shared<spdlog::async_logger>(
            "fairlead", sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(spdlog::level::trace);  // levels are decided before lines come here
  }
  // The pool's thread first: it writes what is queued, and lets go of the logger in every line. The
  // last reference is then ours, and nothing is freed on a thread that is still running.
  ~Parts() { pool.reset(); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  std::shared_ptr<FileSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  Mutex flush_mutex;  // one flush() waits at a time, so each sees its own
};

Result<std::unique_ptr<AsyncLogSink>> AsyncLogSink::make(Options options) {
  if (options.queue_lines_max == 0 || options.queue_lines_max > kQueueLinesLimit) {
    return Status(Code::kInvalidOperation, "log.bad_queue",
                  "queue_lines_max is " + std::to_string(options.queue_lines_max) +
                      "; it must be 1 .. " + std::to_string(kQueueLinesLimit));
  }
  try {
    auto parts = std::make_unique<Parts>(options.file, options.queue_lines_max);
    return std::unique_ptr<AsyncLogSink>(new AsyncLogSink(options.form, std::move(parts)));
  } catch (const std::exception& error) {
    return Status(Code::kInternal, "log.start_failed",
                  std::string("no thread for the log (") + error.what() +
                      "): raise the limit of this user's threads (ulimit -u), or that of the "
                      "container (pids.max)");
  }
}

AsyncLogSink::AsyncLogSink(LogForm form, std::unique_ptr<Parts> parts)
    : form_(form), parts_(std::move(parts)) {}

AsyncLogSink::~AsyncLogSink() = default;

void AsyncLogSink::write(const LogRecord& record) {
  std::string line;
  if (form_ == LogForm::kJson)
    append_log_json(line, record);
  else
    append_log_text(line, record);
  line += '\n';
  parts_->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

// The request stands in the queue like a line, so a flood on other threads may push it out; then it
// is made again.
void AsyncLogSink::flush() {
  const MutexLock lock(parts_->flush_mutex);
  for (int tries = 0; tries < kFlushTries; ++tries) {
    const std::uint64_t before = parts_->sink->flushes();
    auto logger = parts_->logger;
    parts_->pool->post_flush(std::move(logger), spdlog::async_overflow_policy::block);
    if (parts_->sink->wait_for_flush(before)) return;
  }
}

std::uint64_t AsyncLogSink::dropped() const { return parts_->pool->overrun_counter(); }

}  // namespace fairlead::observe
