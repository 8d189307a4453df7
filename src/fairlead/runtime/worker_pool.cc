#include "fairlead/runtime/worker_pool.h"

#include <algorithm>

#include "fairlead/base/check.h"
#include "fairlead/base/start_thread.h"
#include "fairlead/base/text.h"
#include "fairlead/runtime/pool_port.h"

namespace fairlead::runtime {
namespace {

constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kThreadNameBytesMax = 15;  // what the system keeps
constexpr Duration kQueueTimeMax = std::chrono::hours(1);

bool is_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  return !name.empty() && name.size() <= kNameBytesMax &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

Status WorkerPoolOptions::validate() const {
  if (threads < 1 || threads > 256) {
    return Status(Code::kBadMessage, "pool.bad_option",
                  "a pool has 1 to 256 threads, not " + std::to_string(threads));
  }
  if (waiting_jobs_max > 1'000'000) {
    return Status(Code::kBadMessage, "pool.bad_option",
                  "waiting_jobs_max may be 0 to 1000000, not " + std::to_string(waiting_jobs_max));
  }
  if (queue_target < Duration::zero() || queue_target > kQueueTimeMax ||
      queue_interval <= Duration::zero() || queue_interval > kQueueTimeMax) {
    return Status(Code::kBadMessage, "pool.bad_option",
                  "queue_target may be 0 to 1h and queue_interval more than 0 to 1h, not " +
                      to_text(queue_target) + " and " + to_text(queue_interval));
  }
  return {};
}

Status WorkerPool::Metrics::make(observe::Registry& registry, std::string_view pool) {
  const std::vector<observe::Label> labels = {{"pool", pool}};
  FL_TRY_ASSIGN(jobs, registry.counter({"fairlead_runtime_pool_jobs_total",
                                        "Jobs that a pool's threads have run to their end."},
                                       labels));
  FL_TRY_ASSIGN(refused, registry.counter({"fairlead_runtime_pool_refused_total",
                                           "Jobs refused because a pool was full."},
                                          labels));
  FL_TRY_ASSIGN(late, registry.counter({"fairlead_runtime_pool_late_total",
                                        "Jobs that ended because they had waited too long before "
                                        "a pool whose queue stood."},
                                       labels));
  FL_TRY_ASSIGN(dropped, registry.counter({"fairlead_runtime_pool_dropped_total",
                                           "Jobs that ended while they waited for a thread."},
                                          labels));
  FL_TRY_ASSIGN(wakeups, registry.counter({"fairlead_runtime_pool_wakeups_total",
                                           "Signals by which cores woke a pool's threads."},
                                          labels));
  FL_TRY_ASSIGN(waiting, registry.gauge({"fairlead_runtime_pool_waiting_jobs",
                                         "Jobs that wait for a thread of a pool."},
                                        labels));
  FL_TRY_ASSIGN(running, registry.gauge({"fairlead_runtime_pool_running_jobs",
                                         "Jobs that a pool's threads work on."},
                                        labels));
  FL_TRY_ASSIGN(wait, registry.histogram({"fairlead_runtime_pool_wait_seconds",
                                          "How long jobs waited for a thread of a pool."},
                                         observe::Unit::kSeconds, labels));
  return {};
}

Result<std::unique_ptr<WorkerPool>> WorkerPool::make(std::string_view name,
                                                     WorkerPoolOptions options,
                                                     observe::Registry& registry,
                                                     observe::Bounds* bounds) {
  if (!is_name(name)) {
    return Status(Code::kBadMessage, "pool.bad_name",
                  "the pool '" + escape_text(name, 40) +
                      "' must be named by 1 to 32 of a-z, 0-9, '-' and '_'");
  }
  FL_TRY(options.validate());
  std::unique_ptr<WorkerPool> pool(new WorkerPool(name, options, bounds));
  FL_TRY(pool->metrics_.make(registry, name));
  FL_TRY(pool->start());
  return pool;
}

WorkerPool::WorkerPool(std::string_view name, WorkerPoolOptions options, observe::Bounds* bounds)
    : name_(name),
      options_(options),
      waiting_jobs_max_(options.waiting_jobs_max),
      queue_target_(options.queue_target.count()),
      bounds_(bounds),
      queue_({.target = options.queue_target, .interval = options.queue_interval},
             options.threads) {}

Status WorkerPool::start() {
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    const std::string number = "-" + std::to_string(i);
    std::string name = "fl-" + name_;
    name.resize(std::min(name.size(), kThreadNameBytesMax - number.size()));
    FL_TRY_ASSIGN(std::thread thread, start_thread(name + number, [this] { serve(); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

WorkerPool::~WorkerPool() {
  FL_CHECK(admitted_.load(std::memory_order_acquire) == 0);
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::update(const WorkerPoolOptions& options) {
  waiting_jobs_max_.store(options.waiting_jobs_max, std::memory_order_relaxed);
  queue_target_.store(options.queue_target.count(), std::memory_order_relaxed);
  MutexLock lock(mutex_);
  queue_.update({.target = options.queue_target, .interval = options.queue_interval});
}

bool WorkerPool::admit() {
  const std::uint32_t waiting_max = waiting_jobs_max();
  const std::uint32_t max = options_.threads + waiting_max;
  std::uint32_t admitted = admitted_.load(std::memory_order_relaxed);
  do {
    if (admitted >= max) {
      metrics_.refused.add();
      hit(observe::Bound::kPool, waiting_max);
      return false;
    }
  } while (!admitted_.compare_exchange_weak(admitted, admitted + 1, std::memory_order_relaxed));
  metrics_.waiting.add(1);
  return true;
}

void WorkerPool::drop() {
  metrics_.waiting.add(-1);
  metrics_.dropped.add();
  admitted_.fetch_sub(1, std::memory_order_release);
}

void WorkerPool::submit(PoolJobList& jobs) {
  bool wake = false;
  std::vector<PoolJob*> late;
  {
    MutexLock lock(mutex_);
    queue_.push(jobs, steady_now(), late);
    wake = idle_ > 0 && !queue_.empty();
  }
  end_late(late);
  if (!wake) return;  // whoever ends a job looks for the next one
  metrics_.wakeups.add();
  changed_.notify_one();
}

bool WorkerPool::withdraw(PoolJob& job) {
  MutexLock lock(mutex_);
  if (!queue_.holds(job)) return false;
  queue_.remove(job);
  return true;
}

PoolJob* WorkerPool::withdraw_first_of(const PoolPort& port) {
  MutexLock lock(mutex_);
  for (PoolJob* job = queue_.first(); job != nullptr; job = PoolJobList::after(*job)) {
    if (&job->port() != &port) continue;
    queue_.remove(*job);
    return job;
  }
  return nullptr;
}

// The core pays for one signal; threads that find more work wake each other.
PoolJob* WorkerPool::take(std::vector<PoolJob*>& late) {
  MutexLock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    ++idle_;
    changed_.wait(mutex_);
    --idle_;
  }
  PoolJob* job = queue_.take(steady_now(), late);
  if (!queue_.empty() && idle_ > 0) changed_.notify_one();
  return job;
}

void WorkerPool::serve() {
  std::vector<PoolJob*> late;
  while (PoolJob* job = take(late)) {
    end_late(late);
    work_on(*job);
  }
}

void WorkerPool::work_on(PoolJob& job) {
  metrics_.wait.record(steady_now() - job.made());
  metrics_.waiting.add(-1);
  metrics_.running.add(1);
  job.work();
  metrics_.running.add(-1);
  metrics_.jobs.add();
  // From here on the core may end the job and let the pool go; it waits for this thread's end.
  admitted_.fetch_sub(1, std::memory_order_release);
  PoolPort::come_back(job);
}

// Jobs that are in the queue no more. Whoever calls has a job or a port of the pool, so that it
// lives on though the last of them lets it go.
void WorkerPool::end_late(std::vector<PoolJob*>& late) {
  for (PoolJob* job : late) {
    metrics_.late.add();
    const Duration target(queue_target_.load(std::memory_order_relaxed));
    hit(observe::Bound::kPoolWait,
        static_cast<std::uint64_t>(target / std::chrono::milliseconds(1)));
    drop();
    PoolPort::come_back_late(*job);
  }
  late.clear();
}

void WorkerPool::hit(observe::Bound bound, std::uint64_t limit) const {
  if (bounds_ != nullptr) bounds_->hit(bound, limit, steady_now());
}

}  // namespace fairlead::runtime
