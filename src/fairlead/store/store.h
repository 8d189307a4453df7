// Store: keys with revisions, leases and watches. Registry, configuration, releases, locks and jobs
// stand on it.
//
//   FL_TRY_ASSIGN(auto store, store::open(core, {.url = "file:/var/lib/shop/store.db"}));
//   FL_CO_TRY_ASSIGN(auto lease, co_await store->grant(10s));
//   store::PutOptions options{.lease = lease};
//   FL_CO_TRY(co_await store->put("/services/shop/1", address, options));
//
// To follow a prefix without losing a change: range(), then watch() from listing.revision + 1.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/deadline.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/store/types.h"

namespace fairlead::store {

struct WatchBatch {
  std::vector<Change> changes;  // in the order of revisions; never empty
  Revision revision = 0;        // every change up to this revision has now been told
};

// Called on the store's core, never from inside a method of the store. A Status is the last call:
// `store.compacted` (list again, watch again), or what the backend says when it breaks down.
// It may destroy its Watch, not its Store.
using WatchHandler = std::function<void(Result<WatchBatch> batch)>;

// Destroying it ends the watch: the handler is not called any more. Thread: the store's core.
class Watch {
 public:
  virtual ~Watch() = default;
};

// Errors of all methods: kConnectionClosed `store.closed` after close(); those of a key are
// kBadMessage `store.bad_key`, kTooLarge `store.key_too_big`; from the file backend kOverloaded
// `store.busy` (another process holds the lock), `store.full`, `store.queue_full`, kInternal
// `store.corrupt` (names the file and what to do), `store.failed`.
// Calls of one store take effect in the order in which they were started.
// Thread: one core. Lifetime: outlives its watches and calls; close() first, or let nothing be in
// flight. Must be destroyed before its core.
class Store {
 public:
  virtual ~Store() = default;

  // nullopt: there is no such key.
  virtual Task<Result<std::optional<Entry>>> get(std::string key) = 0;
  // Entries whose key begins with `prefix` ("" for all), in the order of bytes, a page at a time.
  virtual Task<Result<Listing>> range(std::string prefix, RangeOptions options) = 0;
  // Errors: kConflict `store.version_changed`, kNotFound `store.no_lease`,
  //         kTooLarge `store.value_too_big`.
  virtual Task<Result<Revision>> put(std::string key, std::string value, PutOptions options) = 0;
  // False: there was no such key. Errors: kConflict `store.version_changed`.
  virtual Task<Result<bool>> remove(std::string key, RemoveOptions options) = 0;

  // A lease of `ttl`, 1 s to 24 h. When it is not kept alive its keys are deleted, by whoever has
  // the store open, within about a second. Errors: kBadMessage `store.bad_ttl`,
  // kOverloaded `store.too_many_leases`.
  virtual Task<Result<LeaseId>> grant(Duration ttl) = 0;
  // Starts the lease's time again and gives it. Errors: kNotFound `store.no_lease`: it is over,
  // its keys are gone or about to go; grant a new one and write them again.
  virtual Task<Result<Duration>> keep_alive(LeaseId lease) = 0;
  // Ends the lease and deletes its keys. Errors: kNotFound `store.no_lease`.
  virtual Task<Status> revoke(LeaseId lease) = 0;

  // Tells the changes of keys that begin with `prefix`, from revision `from` on (0: those that
  // happen after this call).
  virtual std::unique_ptr<Watch> watch(std::string prefix, Revision from, WatchHandler handler) = 0;

  // Refuses new calls, waits for those in flight, lets go of the backend. Leases stay. Watches go
  // silent. Errors: kDeadlineExceeded `wait.deadline`; the store is then still to be closed.
  virtual Task<Status> close(Deadline deadline) = 0;
};

struct Options {
  // "memory:" a store of its own; "memory:name" shared by all of this process that give the name;
  // "file:/path/store.db" (or relative) shared by the processes of this machine.
  std::string url = "memory:";
  // file: longest wait for another process's lock, 0 .. 60 s.
  std::chrono::milliseconds busy_wait_max{2000};
  // file: how often changes of other processes are looked for when no wake-up came; > 0.
  std::chrono::milliseconds poll_interval{500};
};

// What can be said of a store without opening it: that there is such a kind, and of a file that it,
// or one in its folder, may be read and written. Makes nothing.
// Errors: kBadMessage `store.bad_url`; kInvalidOperation `store.open_failed`.
Status check(std::string_view url);

// Opens a store for `core`; the calling thread waits for the disk.
// Errors: kBadMessage `store.bad_url`; kInvalidOperation `store.open_failed`; kOverloaded
//         `store.busy`; kInternal `store.corrupt`; those of start_thread().
Result<std::unique_ptr<Store>> open(io::Core& core, Options options);

}  // namespace fairlead::store
