#include "fairlead/store/store_worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "fairlead/base/start_thread.h"
#include "fairlead/store/boot_clock.h"

namespace fairlead::store::internal {
namespace {

constexpr std::chrono::milliseconds kExpiryInterval{1000};

// Hands a batch to the watch on its core.
void deliver(io::Core& core, const std::shared_ptr<JobQueue>& queue,
             std::shared_ptr<WatchState> watch, Result<WatchBatch> batch) {
  core.post([queue, watch = std::move(watch), batch = std::move(batch)]() mutable {
    if (tell(*watch, std::move(batch))) queue->kick();
  });
}

}  // namespace

JobQueue::JobQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

JobQueue::~JobQueue() {
  if (event_ >= 0) ::close(event_);
}

bool JobQueue::put(Job job, std::size_t limit) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    if (jobs_.size() >= limit) return false;
    first = jobs_.empty();
    jobs_.push_back(std::move(job));
  }
  if (first) kick();
  return true;
}

void JobQueue::kick() {
  const std::uint64_t one = 1;
  // Can only fail when the counter is full, and then the thread is awake.
  if (::write(event_, &one, sizeof one) < 0) return;
}

std::vector<JobQueue::Job> JobQueue::take() {
  std::vector<Job> taken;
  MutexLock lock(mutex_);
  taken.swap(jobs_);
  return taken;
}

void JobQueue::drain() const {
  std::uint64_t count = 0;
  if (::read(event_, &count, sizeof count) < 0) return;
}

Result<std::unique_ptr<StoreWorker>> StoreWorker::start(io::Core& core,
                                                        std::unique_ptr<Engine> engine,
                                                        const std::string& path,
                                                        std::chrono::milliseconds poll_interval) {
  std::unique_ptr<StoreWorker> worker(
      new StoreWorker(core, std::move(engine), path, poll_interval));
  if (worker->queue_->descriptor() < 0) {
    return Status(Code::kInternal, "store.failed",
                  "the system gives no descriptor; raise the limit of open files");
  }
  StoreWorker* running = worker.get();
  FL_TRY_ASSIGN(worker->thread_, start_thread("fl-store", [running] { running->run(); }));
  return worker;
}

StoreWorker::StoreWorker(io::Core& core, std::unique_ptr<Engine> engine, const std::string& path,
                         std::chrono::milliseconds poll_interval)
    : queue_(std::make_shared<JobQueue>()),
      engine_(std::move(engine)),
      poll_interval_(poll_interval),
      wake_(path),
      watches_(
          [&core, queue = queue_](std::shared_ptr<WatchState> watch, Result<WatchBatch> batch) {
            deliver(core, queue, std::move(watch), std::move(batch));
          }) {}

void StoreWorker::stop() {
  stopping_.store(true, std::memory_order_release);
  queue_->kick();
  if (thread_.joinable()) thread_.join();
}

void StoreWorker::run() {
  while (true) {
    // Read before the jobs are taken: what was put before stop() still runs.
    const bool last = stopping_.load(std::memory_order_acquire);
    bool wrote = false;
    for (JobQueue::Job& job : queue_->take()) {
      job.run(*engine_, watches_);
      wrote = wrote || job.writes;
    }
    if (wrote) wake_.notify();
    if (last) return;
    expire();
    watches_.pump(*engine_);
    wait();
  }
}

void StoreWorker::expire() {
  if (boot_now() < next_expiry_) return;
  next_expiry_ = boot_now() + kExpiryInterval;
  // An error shows in the next call of a user; the sweep is repeated in a second.
  const Result<std::size_t> ended = engine_->expire(boot_now());
  if (ended.ok() && *ended > 0) wake_.notify();
}

void StoreWorker::wait() {
  pollfd waits[] = {{queue_->descriptor(), POLLIN, 0}, {wake_.descriptor(), POLLIN, 0}};
  const BootTime until_expiry = std::max(BootTime(0), next_expiry_ - boot_now());
  const BootTime until_look =
      watches_.empty() ? until_expiry : std::min(until_expiry, poll_interval_);
  // A negative descriptor is ignored by poll().
  if (::poll(waits, 2, static_cast<int>(until_look.count()) + 1) <= 0) return;
  queue_->drain();
  wake_.drain();
}

}  // namespace fairlead::store::internal
