// EndBound: a thread that ends the process when its own end takes too long.
//
// A handler that loops, or a job that hangs, keeps those threads that would close everything, and
// nobody may be left who asks a second time: after a hand-over the pid file is the next one's. This
// thread needs none of the others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "fairlead/base/mutex.h"
#include "fairlead/base/time.h"

namespace fairlead::runtime {

// What is there still when the time is over.
struct Unended {
  std::string runs{};           // for people: "core 1 (/desk/block), pool db (2 jobs)"
  std::uint64_t calls_cut = 0;  // by this end
};

// Thread: one makes and destroys it, and calls every method. Lifetime: shorter than the default
// logger's.
class EndBound {
 public:
  // How long a process may take from when it is told to end: beside `notice` and `drain` 1 s for
  // the registry, 2 s for peers that do not hear that it goes, 2 s for those whose tokens fired, 3
  // s for what it closes. Where another process has taken over callers are told one by one before,
  // and it is a minute at least, since nobody waits.
  static Duration of(Duration notice, Duration drain, bool taken_over);

  // After `bound`: the error `service.not_ended` with `program` and what `look` tells, and the end
  // of the process, with 1. `look` is called on the thread of this; when it and the log take longer
  // than a second together they are not waited for.
  EndBound(Duration bound, std::string program, std::function<Unended()> look);
  EndBound(const EndBound&) = delete;
  EndBound& operator=(const EndBound&) = delete;
  // The end has come in time.
  ~EndBound();

  // What `look` looks at goes away now; the time runs on. Does not return when it is over.
  void stop_looking() FL_EXCLUDES(mutex_);

 private:
  void run() FL_EXCLUDES(mutex_);
  void end_process(const std::function<Unended()>& look);
  void wait_for_the_end() FL_REQUIRES(mutex_);

  const Duration bound_;
  const std::string program_;
  Mutex mutex_;
  CondVar changed_;
  std::function<Unended()> look_ FL_GUARDED_BY(mutex_);
  bool ended_ FL_GUARDED_BY(mutex_) = false;
  bool over_ FL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fairlead::runtime
