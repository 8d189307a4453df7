// The thread of one opened store file: SQLite may wait for the disk or for another process, and no
// core may.
//
//   core ──submit(job)──▶ queue ──▶ thread: jobs in order, then wake-ups to peers, expiry, watches
//   core ◀────────────── post(letter) ─────┘
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/io/core.h"
#include "fairlead/store/engine.h"
#include "fairlead/store/wake_socket.h"
#include "fairlead/store/watch_table.h"

namespace fairlead::store::internal {

// Jobs from the core to the thread, and the descriptor that wakes it. Letters on their way to the
// core share it, so it outlives the worker. Thread: any.
class JobQueue {
 public:
  struct Job {
    std::function<void(Engine& engine, WatchTable& watches)> run;
    bool writes = false;
  };

  JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  ~JobQueue();

  // False: `limit` jobs wait already.
  bool put(Job job, std::size_t limit) FL_EXCLUDES(mutex_);
  // Makes the thread pump the watches.
  void kick();
  std::vector<Job> take() FL_EXCLUDES(mutex_);
  int descriptor() const { return event_; }
  void drain() const;

 private:
  const int event_;
  Mutex mutex_;
  std::vector<Job> jobs_ FL_GUARDED_BY(mutex_);
};

class StoreWorker {
 public:
  static constexpr std::size_t kJobsMax = 10'000;

  // Errors: kInternal `store.failed` when the system gives no descriptor; those of start_thread().
  static Result<std::unique_ptr<StoreWorker>> start(io::Core& core, std::unique_ptr<Engine> engine,
                                                    const std::string& path,
                                                    std::chrono::milliseconds poll_interval);
  StoreWorker(const StoreWorker&) = delete;
  StoreWorker& operator=(const StoreWorker&) = delete;
  ~StoreWorker() { stop(); }

  const std::shared_ptr<JobQueue>& queue() const { return queue_; }
  // Runs what is queued, then ends the thread. Waits for it; idempotent.
  void stop();

 private:
  StoreWorker(io::Core& core, std::unique_ptr<Engine> engine, const std::string& path,
              std::chrono::milliseconds poll_interval);
  void run();
  void expire();
  // Waits for a job, a wake-up of another process, or the next regular look.
  void wait();

  const std::shared_ptr<JobQueue> queue_;
  const std::unique_ptr<Engine> engine_;
  const std::chrono::milliseconds poll_interval_;
  WakeSocket wake_;
  WatchTable watches_;
  BootTime next_expiry_{};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fairlead::store::internal
