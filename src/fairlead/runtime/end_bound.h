// EndBound: a thread that ends the process when its own end takes too long.
//
// A handler that loops, or a job that hangs, keeps those threads that would close everything, and
// nobody may be left who asks a second time: after a hand-over the pid file is the next one's. This
// thread needs none of the others. It is made at the start: at the end there may be none to be had.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"

namespace fairlead::runtime {

// What is there still when the time is over.
struct Unended {
  std::string runs{};           // for people: "core 1 (/desk/block), pool db (2 jobs)"
  std::uint64_t calls_cut = 0;  // by this end
};

// Thread: begin() any; one makes and destroys it, and calls the rest. Lifetime: shorter than the
// default logger's.
class EndBound {
 public:
  // How long a process may take from when it is told to end: beside `notice` and `drain` 1 s for
  // the registry, 2 s for peers that do not hear that it goes, 2 s for those whose tokens fired, 3
  // s for what it closes. Where another process has taken over callers are told one by one before,
  // and it is a minute at least, since nobody waits.
  static Duration of(Duration notice, Duration drain, bool taken_over);

  // When the time is over: the error `service.not_ended` with `program` and what `look` tells, and
  // the end of the process, with 1. `look` is called on the thread of this; when it and the log
  // take longer than a second together they are not waited for. Errors: those of start_thread().
  static Result<std::unique_ptr<EndBound>> make(std::string program, std::function<Unended()> look);
  EndBound(const EndBound&) = delete;
  EndBound& operator=(const EndBound&) = delete;
  // The end has come in time.
  ~EndBound();

  // The process is told to end, and may take `bound` for it. When it was told before, the time
  // still runs from then on, and the longer bound counts.
  void begin(Duration bound) FL_EXCLUDES(mutex_);
  // What `look` looks at goes away now; the time runs on. Does not return when it is over.
  void stop_looking() FL_EXCLUDES(mutex_);
  // The end has come in time; begin() does nothing from here on. Does not return when the time is
  // over. Idempotent.
  void finish() FL_EXCLUDES(mutex_);

 private:
  EndBound(std::string program, std::function<Unended()> look)
      : program_(std::move(program)), look_(std::move(look)) {}
  void run() FL_EXCLUDES(mutex_);
  void end_process(const std::function<Unended()>& look, Duration bound);
  void wait_for_the_end() FL_REQUIRES(mutex_);

  const std::string program_;
  Mutex mutex_;
  CondVar changed_;
  std::function<Unended()> look_ FL_GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> began_ FL_GUARDED_BY(mutex_);
  Duration bound_ FL_GUARDED_BY(mutex_){};  // once it began
  bool ended_ FL_GUARDED_BY(mutex_) = false;
  bool over_ FL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fairlead::runtime
