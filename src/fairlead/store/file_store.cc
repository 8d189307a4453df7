#include "fairlead/store/file_store.h"

#include <utility>

#include "fairlead/store/boot_clock.h"
#include "fairlead/store/engine_store.h"
#include "fairlead/store/file_engine.h"
#include "fairlead/store/store_worker.h"

namespace fairlead::store::internal {
namespace {

constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);  // of jobs that callers do not cause

class FileStore final : public EngineStore {
 public:
  FileStore(io::Core& core, std::unique_ptr<StoreWorker> worker)
      : EngineStore(core), worker_(std::move(worker)), queue_(worker_->queue()) {}
  ~FileStore() override { worker_->stop(); }

  std::unique_ptr<Watch> watch(std::string prefix, Revision from, WatchHandler handler) override {
    core_.assert_here();
    auto state = std::make_shared<WatchState>();
    state->prefix = std::move(prefix);
    state->next = from;
    state->handler = std::move(handler);
    queue_->put(
        {[state](Engine& engine, WatchTable& watches) { watches.add(engine, state); }, false},
        kNoLimit);
    // The queue is shared: a watch may be dropped after its store was closed.
    auto remove = [queue = queue_, state] {
      queue->put({[state](Engine&, WatchTable& watches) { watches.remove(state.get()); }, false},
                 kNoLimit);
    };
    return std::make_unique<EngineWatch>(state, std::move(remove));
  }

  Task<Status> close(Deadline deadline) override {
    core_.assert_here();
    FL_CO_TRY(co_await gate_.close(core_.timers(), deadline));
    worker_->stop();
    co_return Status();
  }

 private:
  Status submit(Work work, std::function<void()> done) override {
    const bool writes = work.writes;
    JobQueue::Job job{[core = &core_, work = std::move(work), done = std::move(done)](
                          Engine& engine, WatchTable&) {
                        work.run(engine, boot_now());
                        core->post(done);
                      },
                      false};
    job.writes = writes;
    if (queue_->put(std::move(job), StoreWorker::kJobsMax)) return {};
    return Status(Code::kOverloaded, "store.queue_full",
                  std::to_string(StoreWorker::kJobsMax) + " calls wait for the store already");
  }

  const std::unique_ptr<StoreWorker> worker_;
  const std::shared_ptr<JobQueue> queue_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_file_store(io::Core& core, const std::string& path,
                                               const Options& options) {
  FileEngine::Options engine_options;
  engine_options.path = path;
  engine_options.boot_id = boot_id();
  engine_options.busy_wait_max = options.busy_wait_max;
  FL_TRY_ASSIGN(std::unique_ptr<FileEngine> engine, FileEngine::open(std::move(engine_options)));
  // What ended while nobody had the store open must not be seen by the first reader.
  FL_TRY(engine->expire(boot_now()));
  FL_TRY_ASSIGN(std::unique_ptr<StoreWorker> worker,
                StoreWorker::start(core, std::move(engine), path, options.poll_interval));
  return std::unique_ptr<Store>(std::make_unique<FileStore>(core, std::move(worker)));
}

}  // namespace fairlead::store::internal
