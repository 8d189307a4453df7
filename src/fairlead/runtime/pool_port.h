// PoolPort: one core's way to a WorkerPool, and waiting for a job.
//
//   auto read = port.run([path] { return read_file(path); }, context.deadline());
//   FL_CO_TRY_ASSIGN(std::string text, co_await read);   // the core did other work meanwhile
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/io/core.h"
#include "fairlead/runtime/pool_job.h"
#include "fairlead/runtime/worker_pool.h"

namespace fairlead::runtime {

// Thread: its core, whose loop runs in real time (a pool has no place in a simulation).
// Lifetime: close() must have completed before destruction; core and pool outlive it.
class PoolPort {
 public:
  PoolPort(io::Core& core, WorkerPool& pool) : core_(core), pool_(pool) {}
  PoolPort(const PoolPort&) = delete;
  PoolPort& operator=(const PoolPort&) = delete;

  // Runs `function` on a thread of the pool and gives what it returns: Result<T> for T and
  // Result<T>, Status for void and Status. A job that no thread has taken ends at its deadline,
  // when it is cancelled, and when it is late (pool_queue.h), and never runs. One that runs is
  // waited for, whatever the clock says: so it may use what the awaiting coroutine holds. It is
  // destroyed on the core.
  //
  // When the task is destroyed instead of awaited to its end, a job that waits is dropped; one that
  // runs goes on with what it has captured, and its result is dropped.
  // Errors: kLocalLimit `pool.full`: threads + waiting_jobs_max jobs are under way;
  //         kLocalLimit `pool.overloaded`: it was late;
  //         kOverloaded `pool.closed`; kDeadlineExceeded `wait.deadline`;
  //         kCancelled `wait.cancelled`; kInternal `handler.threw` with what() as its cause.
  // Cost: one object from the allocator; a lock and a signal a turn, not a job.
  template <class Function>
  Task<PoolReply<Function>> run(Function function, Deadline deadline = {}, CancelToken cancel = {});

  // Takes no more jobs and waits for those under way. After `deadline` the ones that still wait end
  // with `pool.closed`; those that run are waited for: a thread cannot be stopped. Idempotent.
  // Errors: kDeadlineExceeded `wait.deadline` when the deadline came first.
  Task<Status> close(Deadline deadline);

  io::Core& core() const { return core_; }
  WorkerPool& pool() const { return pool_; }

  // For the pool's threads, when a job has been worked on.
  static void come_back(PoolJob& job);
  // The same for one that has waited too long and was not.
  static void come_back_late(PoolJob& job);

 private:
  friend PoolWait;

  Result<Gate::Pass> enter();
  void stage(PoolJob& job);
  bool withdraw(PoolJob& job);
  void end(PoolJob& job);

  io::Core& core_;
  WorkerPool& pool_;
  Gate gate_;
  PoolJobList staged_;                    // not handed over yet
  std::uint64_t batch_ = 0;               // the one that is staged
  std::optional<Gate::Pass> submitting_;  // a letter that hands them over is on its way
};

// The awaitable of a job. OK: the job has been worked on.
class [[nodiscard]] PoolWait final : private Timer, private CancelListener {
 public:
  PoolWait(PoolJob* job, Deadline deadline, CancelToken cancel)  // owns `job`
      : job_(job), port_(job->port()), deadline_(deadline), cancel_(std::move(cancel)) {}
  PoolWait(const PoolWait&) = delete;
  PoolWait& operator=(const PoolWait&) = delete;
  ~PoolWait();

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting);
  Status await_resume() { return std::move(ended_); }

 private:
  friend PoolPort;

  void on_timer() override;
  void on_cancel() override;
  void give_up(Status why);
  Status late() const;
  void finish(Status ended);

  PoolJob* const job_;
  PoolPort& port_;
  const Deadline deadline_;
  const CancelToken cancel_;
  ResumePoint waiting_;
  bool under_way_ = false;  // staged, queued or running
  Status ended_;
};

template <class Function>
Task<PoolReply<Function>> PoolPort::run(Function function, Deadline deadline, CancelToken cancel) {
  FL_CO_TRY_ASSIGN(Gate::Pass pass, enter());
  auto* job = new FunctionJob<Function>(*this, std::move(pass), core_.now(), std::move(function));
  PoolWait wait(job, deadline, std::move(cancel));
  FL_CO_TRY(co_await wait);
  co_return job->take();
}

}  // namespace fairlead::runtime
