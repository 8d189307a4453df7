// The registry: who serves what, kept in the store.
//
//   key    /fairlead/services/<service>/<instance id>
//   value  {"address":"127.0.0.1:9090","protocol":"raw","pid":4711,"started_ms":...,"tls":false,
//           "incarnation":1}
//
// Each record hangs on a lease of the process that serves; a process that dies without a word is
// gone from the registry when its lease ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/async/scope.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/struct.h"
#include "fairlead/store/store.h"
#include "fairlead/upstream/endpoint.h"

namespace fairlead::upstream {

// What stands in the store for one copy of a service.
struct Record {
  std::string address{};   // a form of io::Address
  std::string protocol{};  // a name of wire::protocols(); empty: not told
  std::int64_t pid = 0;
  std::int64_t started_ms = 0;  // since 1970
  bool tls = false;
  std::int64_t incarnation = 1;  // processes that had this record one after the other, this one too
};
FL_STRUCT(Record, (1, address), (2, protocol), (3, pid), (4, started_ms), (5, tls),
          (6, incarnation))

// Keeps this process's records in the registry: one lease, kept alive, written again when it was
// lost (the store was away, or the process was stopped for long).
// Thread: the store's core. Lifetime: the store outlives it; close() before destruction.
class Registrar {
 public:
  struct Options {
    Duration lease = std::chrono::seconds(5);  // 1 s .. 24 h; kept alive three times as often
    // The id of its records: a process that takes another one's place goes on with that one's.
    // Empty: a new one.
    std::string instance{};
  };

  Registrar(io::Core& core, store::Store& store, Options options);
  Registrar(io::Core& core, store::Store& store) : Registrar(core, store, Options()) {}

  // Registers a copy of `service`. When the store is away now, it is written as soon as it is back.
  // Errors: kBadMessage `service.bad_name`; what the store says to a first attempt.
  Task<Status> add(std::string service, Record record);
  // Under which the records are; the same for all of them.
  const std::string& instance() const { return instance_; }
  // Takes the records out and ends the lease. Errors: what the store says; the lease ends by
  // itself then.
  Task<Status> close(Deadline deadline);
  // Instead of close(): another process goes on with the records, under a lease of its own. Where
  // it does not write them, they end with ours.
  Task<Status> leave(Deadline deadline);

 private:
  struct Entry {
    std::string key;
    std::string value;
  };

  Task<Status> write_all();
  Task<Status> write_entries();
  Task<void> keep_alive();

  io::Core& core_;
  store::Store& store_;
  const Options options_;
  const std::string instance_;
  std::vector<Entry> entries_;
  store::LeaseId lease_ = 0;
  bool written_ = false;  // all entries are there, as far as we know
  bool keeping_ = false;
  Scope scope_;
};

// Follows services in the registry.
// Thread: the store's core. Lifetime: the store outlives it; close() before destruction.
class Directory {
 public:
  using Listener = std::function<void(const EndpointSnapshot& endpoints)>;

  Directory(io::Core& core, store::Store& store) : core_(core), store_(store) {}
  ~Directory();

  // Tells `listener` the living copies of `service`, first as they are and then after each change,
  // for as long as the directory lives. A store that is away leaves the last set standing.
  // Errors: kBadMessage `service.bad_name`.
  Status follow(std::string service, Listener listener);
  // The names under which anything is registered now.
  Task<Result<std::vector<std::string>>> services();

  Task<Status> close(Deadline deadline);

 private:
  struct Followed;

  Task<void> load(std::shared_ptr<Followed> followed);
  Task<Status> list(std::shared_ptr<Followed> followed, store::Revision* revision);
  void apply(Followed& followed, const store::Change& change);
  void tell(Followed& followed);

  io::Core& core_;
  store::Store& store_;
  std::map<std::string, std::shared_ptr<Followed>, std::less<>> followed_;
  Scope scope_;
};

}  // namespace fairlead::upstream
