// What the backends of this room share: the methods of Store as work for an Engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/async/gate.h"
#include "fairlead/store/engine.h"
#include "fairlead/store/store.h"
#include "fairlead/store/watch_table.h"

namespace fairlead::store::internal {

// Ends the watch when it is destroyed; `remove` tells the engine's side.
class EngineWatch final : public Watch {
 public:
  EngineWatch(std::shared_ptr<WatchState> state, std::function<void()> remove)
      : state_(std::move(state)), remove_(std::move(remove)) {}
  ~EngineWatch() override {
    state_->active = false;
    remove_();
  }

 private:
  const std::shared_ptr<WatchState> state_;
  const std::function<void()> remove_;
};

class EngineStore : public Store {
 public:
  Task<Result<std::optional<Entry>>> get(std::string key) final;
  Task<Result<Listing>> range(std::string prefix, RangeOptions options) final;
  Task<Result<Revision>> put(std::string key, std::string value, PutOptions options) final;
  Task<Result<bool>> remove(std::string key, RemoveOptions options) final;
  Task<Result<LeaseId>> grant(Duration ttl) final;
  Task<Result<Duration>> keep_alive(LeaseId lease) final;
  Task<Status> revoke(LeaseId lease) final;

 protected:
  explicit EngineStore(io::Core& core) : core_(core) {}

  // One piece of work; `run` is called once, on the engine's side.
  struct Work {
    std::function<void(Engine& engine, BootTime now)> run;
    bool writes = false;
  };
  // Runs `work` and, on the core, then calls `done`. Errors: kOverloaded `store.queue_full`, and
  // neither is called.
  virtual Status submit(Work work, std::function<void()> done) = 0;

  static Status closed() {
    return Status(Code::kConnectionClosed, "store.closed", "the store is closed");
  }

  io::Core& core_;
  Gate gate_;  // one pass per call in flight

 private:
  template <class T>
  struct Pending {
    std::optional<Result<T>> result;
    Event done;
  };
  template <class T>
  using Function = std::function<Result<T>(Engine& engine, BootTime now)>;

  template <class T>
  Status start(const std::shared_ptr<Pending<T>>& pending, Function<T> function, bool writes) {
    Work work{[pending, function = std::move(function)](Engine& engine, BootTime now) {
                pending->result.emplace(function(engine, now));
              },
              writes};
    return submit(std::move(work), [pending] { pending->done.set(); });
  }
  template <class T>
  Task<Result<T>> call(Function<T> function, bool writes);
};

}  // namespace fairlead::store::internal
