// Pool: threads for handlers that block, or for the parts of them that do.
//
//   fl::App app(argc, argv, "shop");
//   const fl::Pool db = app.pool("db", {.threads = 8});
//   app.serve<Shop>(ShopLogic{.db = db});            // parts: fl::blocking() inside a handler
//   app.serve<Report>(ReportLogic{}, fl::on_pool(db));   // whole handlers, see on_pool()
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/context.h"
#include "fairlead/runtime/pool_port.h"
#include "fairlead/runtime/worker_pool.h"

namespace fairlead::service {

using PoolOptions = runtime::WorkerPoolOptions;

namespace internal {

// A declared pool, and once the process has started its threads and its port on each core.
// Thread: main's, which runs no core, except here(). Lifetime: the process's.
class PoolPlaces {
 public:
  PoolPlaces(std::string name, PoolOptions declared)
      : name_(std::move(name)), declared_(declared) {}

  const std::string& name() const { return name_; }
  const PoolOptions& declared() const { return declared_; }  // by the code
  // Errors: those of runtime::WorkerPool::make().
  Status open(const PoolOptions& options, const std::vector<io::Core*>& cores,
              observe::Registry& metrics, observe::Bounds* bounds = nullptr);
  // All of them but `threads`, of an open pool. `options` have been validated. Thread: any.
  void update(const PoolOptions& options) { pool_->update(options); }
  // To be awaited on the core of that index. Errors: those of runtime::PoolPort::close().
  Task<Status> close(std::size_t core, Deadline deadline) { return ports_[core]->close(deadline); }
  // Ends the threads, when every core is closed and takes no turns any more.
  void end();
  // The port of the core that runs on this thread.
  // Errors: kInvalidOperation `pool.no_core` on other threads; kOverloaded `pool.closed`.
  Result<runtime::PoolPort*> here() const;

 private:
  const std::string name_;
  const PoolOptions declared_;
  std::unique_ptr<runtime::WorkerPool> pool_;
  std::vector<std::unique_ptr<runtime::PoolPort>> ports_;
};

template <class Function>
Task<runtime::PoolReply<Function>> run_blocking(const PoolPlaces* places, Function function,
                                                Deadline deadline, CancelToken cancel) {
  FL_CO_TRY_ASSIGN(runtime::PoolPort * port, places->here());
  auto running = port->run(std::move(function), deadline, std::move(cancel));
  co_return co_await running;
}

}  // namespace internal

// Copyable handle, made by Runtime::pool(). Thread: any. Lifetime: the App or Runtime.
class Pool {
 public:
  explicit Pool(const internal::PoolPlaces& places) : places_(&places) {}
  const std::string& name() const { return places_->name(); }
  const internal::PoolPlaces& places() const { return *places_; }

 private:
  const internal::PoolPlaces* places_;
};

// Runs `function` on a thread of the pool while the core does other work. Awaiting it gives
// Result<T> for a function that returns T or Result<T>, and Status for void and Status. Give the
// function a name of its own (or the task, as here): g++ 12 miscompiles lambdas beside co_await.
//
//   auto read = fl::blocking(db, [item = in.item] { return select_price(item); });
//   FL_CO_TRY_ASSIGN(std::int64_t cents, co_await read);
//
// A function that runs is waited for, even past the deadline, so it may use what the handler holds;
// one that waits for a thread ends at its deadline or when it is cancelled, and never runs.
// Errors: those of runtime::PoolPort::run(); kInvalidOperation `pool.no_core` when it is awaited on
//         a thread that runs no core.
template <class Function>
[[nodiscard]] auto blocking(const Pool& pool, Function function, Deadline deadline = {},
                            CancelToken cancel = {}) {
  return internal::run_blocking(&pool.places(), std::move(function), deadline, std::move(cancel));
}
// The same with the call's own deadline, and cancelled when its connection ends.
template <class Function>
[[nodiscard]] auto blocking(const Pool& pool, const rpc::Context& context, Function function) {
  return blocking(pool, std::move(function), context.deadline(), context.cancel());
}

struct OnPool {
  Pool pool;
};

// For App::serve(): plain handlers of the service run on the pool, so they may block. They take
// their argument and no Context, which belongs to its core; fields bound to metadata are filled.
// Argument and reply are decoded and encoded on the core. Coroutine handlers run on the core as
// ever. A call for which the pool has no place is answered 503 `pool.full`, one that waited too
// long while more came than is done 503 `pool.overloaded`, both safe to repeat.
inline OnPool on_pool(const Pool& pool) { return OnPool{pool}; }

}  // namespace fairlead::service
