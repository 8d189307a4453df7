// Engine: the store itself, without threads, waiting or clocks. `memory` and `file` implement it,
// and one set of tests (engine_test.cc) holds both to the same meaning.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/store/types.h"

namespace fairlead::store::internal {

// Time on the machine's boot clock, which also counts while the machine sleeps.
using BootTime = std::chrono::milliseconds;

struct Limits {
  Revision changes_max = 10'000;                         // revisions kept for watches
  std::size_t change_bytes_max = std::size_t{64} << 20;  // of keys and values in them
  std::size_t leases_max = 100'000;
  std::size_t bytes_max = std::size_t{4} << 30;  // of all entries (memory) or the file
};

inline constexpr std::chrono::milliseconds kLeaseTtlMin{1000};
inline constexpr std::chrono::milliseconds kLeaseTtlMax{86'400'000};
inline constexpr std::size_t kKeysPerTransactionMax = 1000;  // of one lease's end

// Changes from a revision on. `next` is the revision to go on with; nothing is left out below it.
struct Changes {
  std::vector<Change> changes;  // by revision; all changes of a revision, or none
  Revision next = 0;
};

// Errors that every method can return, from the file engine: kOverloaded `store.busy` (another
// process held the lock too long) and `store.full` (disk or bytes_max), kInternal `store.corrupt`,
// `store.failed` (anything else that SQLite or the disk says).
// Thread: one at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  // Errors of all methods with a key: kBadMessage `store.bad_key` (empty), kTooLarge
  // `store.key_too_big`.
  virtual Result<std::optional<Entry>> get(std::string_view key) = 0;
  // Entries whose key begins with `prefix`; "" means all.
  virtual Result<Listing> range(std::string_view prefix, const RangeOptions& options) = 0;
  // Errors: kConflict `store.version_changed`, kNotFound `store.no_lease`, kTooLarge
  //         `store.value_too_big`, kOverloaded `store.full`.
  virtual Result<Revision> put(std::string_view key, std::string_view value,
                               const PutOptions& options, BootTime now) = 0;
  // False: there was no such key. Errors: kConflict `store.version_changed`.
  virtual Result<bool> remove(std::string_view key, const RemoveOptions& options) = 0;

  // Errors: kBadMessage `store.bad_ttl` (1 s .. 1 day), kOverloaded `store.too_many_leases`.
  virtual Result<LeaseId> grant(Duration ttl, BootTime now) = 0;
  // Sets the lease back to its full time and returns that. A lease whose time is over is gone,
  // swept or not. Errors: kNotFound `store.no_lease`.
  virtual Result<Duration> keep_alive(LeaseId lease, BootTime now) = 0;
  // Ends the lease and deletes its keys. Errors: kNotFound `store.no_lease`.
  virtual Status revoke(LeaseId lease) = 0;
  // Ends every lease whose time is over; returns how many. A lease with more than
  // kKeysPerTransactionMax keys ends over several revisions.
  virtual Result<std::size_t> expire(BootTime now) = 0;

  virtual Result<Revision> revision() = 0;
  // Changes of revisions >= `from`, up to a page.
  // Errors: kPreconditionFailed `store.compacted`: some of them are forgotten; list again.
  virtual Result<Changes> changes(Revision from) = 0;
};

// Rules that both engines apply.
Status check_key(std::string_view key);
Status check_value(std::string_view value);
Result<std::chrono::milliseconds> check_ttl(Duration ttl);
Status version_changed(std::string_view key, Revision expected, Revision actual);
Status no_lease(LeaseId lease);
Status compacted(Revision from, Revision compacted_at);
Status full(std::size_t bytes_max);
Status too_many_leases(std::size_t leases_max);
std::size_t page_limit(const RangeOptions& options);
}  // namespace fairlead::store::internal
