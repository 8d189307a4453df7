#include "fairlead/store/memory_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/store/engine_store.h"
#include "fairlead/store/memory_engine.h"

namespace fairlead::store::internal {
namespace {

constexpr Duration kExpiryInterval = std::chrono::seconds(1);
constexpr std::size_t kMemoryBytesMax = std::size_t{256} << 20;

Limits memory_limits() {
  Limits limits;
  limits.bytes_max = kMemoryBytesMax;
  return limits;
}

// One open store, seen by the others that share its engine. `store_alive` belongs to the core.
struct Attachment {
  io::Core* core;
  std::function<void()> pump;  // runs on the core
  bool store_alive = true;
  std::atomic<bool> pump_posted{false};
};

// The engine and who uses it. Thread: any; the lock is never held while foreign code runs.
class MemorySpace {
 public:
  template <class Function>
  void with_engine(const Function& function) FL_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    function(engine_);
  }
  void attach(std::shared_ptr<Attachment> attachment) FL_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    attachments_.push_back(std::move(attachment));
  }
  // After it nothing is posted to the attachment's core any more.
  void detach(const Attachment* attachment) FL_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::erase_if(attachments_, [&](const auto& other) { return other.get() == attachment; });
  }
  // Makes every attached store look for changes in its core's next turn.
  void announce() FL_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const auto& attachment : attachments_) {
      if (attachment->pump_posted.exchange(true)) continue;
      attachment->core->post([attachment] {
        attachment->pump_posted.store(false);
        if (attachment->store_alive) attachment->pump();
      });
    }
  }

 private:
  Mutex mutex_;
  MemoryEngine engine_ FL_GUARDED_BY(mutex_){memory_limits()};
  std::vector<std::shared_ptr<Attachment>> attachments_ FL_GUARDED_BY(mutex_);
};

// Spaces by name. Static, as an exception to the rule against mutable globals: the name of a
// memory store is to a process what a path is to a machine, and a space lives only while somebody
// has it open.
std::shared_ptr<MemorySpace> find_space(const std::string& name) {
  if (name.empty()) return std::make_shared<MemorySpace>();
  static Mutex mutex;
  static std::map<std::string, std::weak_ptr<MemorySpace>> spaces;
  MutexLock lock(mutex);
  std::erase_if(spaces, [](const auto& space) { return space.second.expired(); });
  std::shared_ptr<MemorySpace> space = spaces[name].lock();
  if (space == nullptr) {
    space = std::make_shared<MemorySpace>();
    spaces[name] = space;
  }
  return space;
}

class MemoryStore final : public EngineStore {
 public:
  MemoryStore(io::Core& core, std::shared_ptr<MemorySpace> space)
      : EngineStore(core),
        space_(std::move(space)),
        watches_(std::make_shared<WatchTable>(
            [core = &core, attachment = attachment_](std::shared_ptr<WatchState> watch,
                                                     Result<WatchBatch> batch) {
              deliver(core, attachment, std::move(watch), std::move(batch));
            })),
        expiry_([](void* self) { static_cast<MemoryStore*>(self)->expire(); }, this) {
    attachment_->core = &core;
    attachment_->pump = [this] { pump(); };
    space_->attach(attachment_);
    core_.timers().arm(expiry_, core_.now() + kExpiryInterval);
  }
  ~MemoryStore() override { detach(); }

  std::unique_ptr<Watch> watch(std::string prefix, Revision from, WatchHandler handler) override {
    core_.assert_here();
    auto state = std::make_shared<WatchState>();
    state->prefix = std::move(prefix);
    state->next = from;
    state->handler = std::move(handler);
    space_->with_engine([&](Engine& engine) { watches_->add(engine, state); });
    space_->announce();
    auto remove = [watches = std::weak_ptr<WatchTable>(watches_), state] {
      if (const auto table = watches.lock(); table != nullptr) table->remove(state.get());
    };
    return std::make_unique<EngineWatch>(state, std::move(remove));
  }

  Task<Status> close(Deadline deadline) override {
    core_.assert_here();
    FL_CO_TRY(co_await gate_.close(core_.timers(), deadline));
    detach();
    co_return Status();
  }

 private:
  static void deliver(io::Core* core, const std::shared_ptr<Attachment>& attachment,
                      std::shared_ptr<WatchState> watch, Result<WatchBatch> batch) {
    core->post([attachment, watch = std::move(watch), batch = std::move(batch)]() mutable {
      if (tell(*watch, std::move(batch)) && attachment->store_alive) attachment->pump();
    });
  }

  Status submit(Work work, std::function<void()> done) override {
    space_->with_engine([&](Engine& engine) { work.run(engine, now()); });
    if (work.writes) space_->announce();
    done();
    return {};
  }

  BootTime now() const {
    return std::chrono::duration_cast<BootTime>(core_.now().time_since_epoch());
  }
  void pump() {
    space_->with_engine([&](Engine& engine) { watches_->pump(engine); });
  }
  void expire() {
    std::size_t ended = 0;
    space_->with_engine([&](Engine& engine) { ended = engine.expire(now()).value_or(0); });
    if (ended > 0) space_->announce();
    core_.timers().arm(expiry_, core_.now() + kExpiryInterval);
  }
  void detach() {
    expiry_.disarm();
    attachment_->store_alive = false;
    space_->detach(attachment_.get());
  }

  const std::shared_ptr<Attachment> attachment_ = std::make_shared<Attachment>();
  const std::shared_ptr<MemorySpace> space_;
  const std::shared_ptr<WatchTable> watches_;
  CallbackTimer expiry_;
};

}  // namespace

std::unique_ptr<Store> open_memory_store(io::Core& core, const std::string& name) {
  return std::make_unique<MemoryStore>(core, find_space(name));
}

}  // namespace fairlead::store::internal
