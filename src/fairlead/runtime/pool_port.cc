#include "fairlead/runtime/pool_port.h"

#include <string>

namespace fairlead::runtime {
namespace {

Status too_late() {
  return Status(Code::kDeadlineExceeded, "wait.deadline",
                "the deadline passed before a thread was free");
}

}  // namespace

Result<Gate::Pass> PoolPort::enter() {
  core_.assert_here();
  std::optional<Gate::Pass> pass = gate_.enter();
  if (!pass.has_value()) {
    return Status(Code::kOverloaded, "pool.closed",
                  "the pool '" + pool_.name() + "' takes no more jobs: the process ends");
  }
  if (!pool_.admit()) {
    return Status(
        Code::kLocalLimit, "pool.full",
        "the pool '" + pool_.name() + "' has no place: " + std::to_string(pool_.threads()) +
            " threads are busy and " + std::to_string(pool_.waiting_jobs_max()) + " jobs wait");
  }
  return *std::move(pass);
}

// Jobs of one turn are handed over together, by a letter that this turn still runs (the next one,
// which then does not wait, for jobs that letters themselves have started).
void PoolPort::stage(PoolJob& job) {
  job.batch_ = batch_;
  staged_.push_back(job);
  if (submitting_.has_value()) return;
  submitting_ = gate_.enter();
  core_.post([this] {
    ++batch_;
    pool_.submit(staged_);
    const std::optional<Gate::Pass> leaving = std::exchange(submitting_, std::nullopt);
  });
}

bool PoolPort::withdraw(PoolJob& job) {
  if (job.batch_ == batch_) {
    staged_.remove(job);
  } else if (!pool_.withdraw(job)) {
    return false;
  }
  pool_.drop();
  return true;
}

// Many jobs that end before the core looks wake it once: a mailbox tells its first letter alone.
void PoolPort::come_back(PoolJob& job) {
  job.port_.core_.post([&job] { job.port_.end(job); });
}

void PoolPort::come_back_late(PoolJob& job) {
  job.late_ = true;
  come_back(job);
}

void PoolPort::end(PoolJob& job) {
  if (job.wait_ == nullptr) {
    delete &job;  // nobody waits any more
    return;
  }
  job.wait_->finish(job.late_ ? job.wait_->late() : Status());
}

Task<Status> PoolPort::close(Deadline deadline) {
  Status ended = co_await gate_.close(core_.timers(), deadline);
  if (ended.ok()) co_return ended;
  while (true) {
    PoolJob* job = staged_.empty() ? pool_.withdraw_first_of(*this) : staged_.pop_front();
    if (job == nullptr) break;
    pool_.drop();
    job->wait_->finish(
        Status(Code::kOverloaded, "pool.closed", "the process ended before a thread was free"));
  }
  Status emptied = co_await gate_.close(core_.timers(), Deadline());
  co_return emptied.ok() ? ended : emptied;
}

PoolWait::~PoolWait() {
  if (!under_way_ || port_.withdraw(*job_)) {
    if (!under_way_ && !waiting_) port_.pool().drop();  // it was never awaited
    delete job_;
    return;
  }
  job_->wait_ = nullptr;  // it runs, and is deleted when it comes back
}

bool PoolWait::await_suspend(std::coroutine_handle<> waiting) {
  waiting_.keep(waiting);
  const bool cancelled = listen(cancel_);
  if (cancelled || deadline_.passed(port_.core().now())) {
    port_.pool().drop();
    ended_ = cancelled ? Status(Code::kCancelled, "wait.cancelled", "the job was cancelled")
                       : Status(Code::kDeadlineExceeded, "wait.deadline",
                                "the deadline passed before the job could start");
    return false;
  }
  if (deadline_.is_set()) port_.core().timers().arm(*this, deadline_.at());
  job_->wait_ = this;
  under_way_ = true;
  port_.stage(*job_);
  return true;
}

void PoolWait::on_timer() { give_up(too_late()); }

void PoolWait::on_cancel() {
  give_up(Status(Code::kCancelled, "wait.cancelled", "the job was cancelled while it waited"));
}

void PoolWait::give_up(Status why) {
  if (port_.withdraw(*job_)) finish(std::move(why));
}

Status PoolWait::late() const {
  if (deadline_.passed(port_.core().now())) return too_late();
  return Status(Code::kLocalLimit, "pool.overloaded",
                "the job waited too long: more jobs come to the pool '" + port_.pool().name() +
                    "' than its " + std::to_string(port_.pool().threads()) + " threads do");
}

void PoolWait::finish(Status ended) {
  under_way_ = false;
  ended_ = std::move(ended);
  disarm();
  forget();
  waiting_.resume();  // destroys this
}

}  // namespace fairlead::runtime
