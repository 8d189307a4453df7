// WorkerPool: named threads for work that blocks, so that it does not hold a core.
//
//   core A ─ PoolPort ─┐ jobs of one turn:          ┌─ thread ─┐   ends that come before the
//   core B ─ PoolPort ─┴ one lock, one signal ─► queue ─ thread ─┴─► core looks: one wake-up of it
//
//   STAGED ── the turn's letters run ──► QUEUED ── a thread takes it ──► RUNNING ──► back on its
//     │                                    │                                           core
//     └────── deadline, cancellation ──────┼──► ended with that reason, never run
//                                          └──► ended as late, while the queue stands
//                                               (pool_queue.h)
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/runtime/pool_job.h"
#include "fairlead/runtime/pool_queue.h"

namespace fairlead::runtime {

struct WorkerPoolOptions {
  std::uint32_t threads = 4;              // 1 .. 256
  std::uint32_t waiting_jobs_max = 4096;  // 0 .. 1,000,000 beyond those that run
  // The queue stands when a job has always waited longer than the target, for an interval. While it
  // does, the newest job is next, and those that have waited longer than the interval (and the
  // target) end.
  Duration queue_target = std::chrono::milliseconds(5);      // 0 .. 1 h; zero: it never stands
  Duration queue_interval = std::chrono::milliseconds(100);  // 1 ns .. 1 h

  // Errors: kBadMessage `pool.bad_option`.
  Status validate() const;
};

// Thread: made and destroyed by main; cores use it through a PoolPort each. Lifetime: its ports are
// closed before it is destroyed, and its cores outlive it; the destructor waits for its threads.
class WorkerPool {
 public:
  // Starts the threads, named "fl-<name>-0" and so on. `name` has 1 to 32 of a-z, 0-9, '-', '_' and
  // labels the metrics: fairlead_runtime_pool_{jobs,refused,late,dropped,wakeups}_total,
  // fairlead_runtime_pool_{waiting,running}_jobs, fairlead_runtime_pool_wait_seconds. `bounds` are
  // told of jobs that are refused or late; they may be null, and live as long as the pool.
  // Errors: kBadMessage `pool.bad_name`, `pool.bad_option`; those of observe::Registry and of
  // start_thread().
  static Result<std::unique_ptr<WorkerPool>> make(std::string_view name, WorkerPoolOptions options,
                                                  observe::Registry& registry,
                                                  observe::Bounds* bounds = nullptr);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  const std::string& name() const { return name_; }
  std::uint32_t threads() const { return options_.threads; }
  std::uint32_t waiting_jobs_max() const {
    return waiting_jobs_max_.load(std::memory_order_relaxed);
  }
  // All of `options` but `threads`, from the next job on; more jobs may wait than may by now, and
  // go on waiting. `options` are as good as those of make(). Thread: any.
  void update(const WorkerPoolOptions& options) FL_EXCLUDES(mutex_);

  // For PoolPort.
  // Takes one of the places for jobs that wait or run; false: there is none.
  bool admit();
  // Gives the place of a job that never ran back.
  void drop();
  // Hands jobs over, in order: one lock, at most one signal. Empties the list.
  void submit(PoolJobList& jobs) FL_EXCLUDES(mutex_);
  // Takes a job out of the queue. False: a thread has it.
  bool withdraw(PoolJob& job) FL_EXCLUDES(mutex_);
  // Takes the first job of a port out of the queue; null: none is there.
  PoolJob* withdraw_first_of(const PoolPort& port) FL_EXCLUDES(mutex_);

 private:
  struct Metrics {
    observe::Counter jobs{};     // that ran to their end
    observe::Counter refused{};  // beyond the limit
    observe::Counter late{};     // had waited too long while the queue stood
    observe::Counter dropped{};  // ended while they waited, for whatever reason
    observe::Counter wakeups{};  // signals of cores to threads
    observe::Gauge waiting{};
    observe::Gauge running{};
    observe::Histogram wait{};
    Status make(observe::Registry& registry, std::string_view pool);
  };

  WorkerPool(std::string_view name, WorkerPoolOptions options, observe::Bounds* bounds);
  Status start();
  void serve();
  PoolJob* take(std::vector<PoolJob*>& late) FL_EXCLUDES(mutex_);
  void work_on(PoolJob& job);
  void end_late(std::vector<PoolJob*>& late);
  void hit(observe::Bound bound, std::uint64_t limit) const;

  const std::string name_;
  const WorkerPoolOptions options_;  // at the start
  std::atomic<std::uint32_t> waiting_jobs_max_;
  std::atomic<Duration::rep> queue_target_;  // for who is told of it
  observe::Bounds* const bounds_;
  Metrics metrics_;
  std::atomic<std::uint32_t> admitted_{0};  // waiting or running
  Mutex mutex_;
  CondVar changed_;
  PoolQueue queue_ FL_GUARDED_BY(mutex_);
  std::uint32_t idle_ FL_GUARDED_BY(mutex_) = 0;  // threads that wait for a signal
  bool stopping_ FL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace fairlead::runtime
