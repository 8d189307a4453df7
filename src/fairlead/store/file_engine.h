// The store in one SQLite file that the processes of a machine share.
//
//   meta     one row: revision, compacted, change_bytes, last_lease
//   entries  key -> value, revisions, version, lease
//   changes  seq = revision * 1024 + number in the revision -> what happened (for watches)
//   leases   id -> ttl, deadline on the boot clock, the boot in which that clock ran
//
// Every write is one transaction under SQLite's write lock, taken at its start, so what a
// transaction reads cannot change before it writes. Readers never wait for writers (WAL).
#pragma once

#include <memory>
#include <string>

#include "fairlead/store/engine.h"
#include "fairlead/store/sqlite.h"

namespace fairlead::store::internal {

class FileEngine final : public Engine {
 public:
  struct Options {
    std::string path;
    std::string boot_id;  // of this boot; leases of another one are over
    std::chrono::milliseconds busy_wait_max{2000};
    Limits limits;
  };

  // Errors: kInvalidOperation `store.open_failed` (path, or a file of something else or of another
  //         version), kInternal `store.corrupt`, kOverloaded `store.busy`.
  static Result<std::unique_ptr<FileEngine>> open(Options options);

  Result<std::optional<Entry>> get(std::string_view key) override;
  Result<Listing> range(std::string_view prefix, const RangeOptions& options) override;
  Result<Revision> put(std::string_view key, std::string_view value, const PutOptions& options,
                       BootTime now) override;
  Result<bool> remove(std::string_view key, const RemoveOptions& options) override;
  Result<LeaseId> grant(Duration ttl, BootTime now) override;
  Result<Duration> keep_alive(LeaseId lease, BootTime now) override;
  Status revoke(LeaseId lease) override;
  Result<std::size_t> expire(BootTime now) override;
  Result<Revision> revision() override;
  Result<Changes> changes(Revision from) override;

 private:
  struct Meta {
    Revision revision = 0;
    Revision compacted = 0;
    std::int64_t change_bytes = 0;
    LeaseId last_lease = 0;
  };
  struct Statements {
    Statement read_meta, write_meta;
    Statement get, range, upsert, remove;
    Statement log, read_changes, oldest_change, forget_changes;
    Statement lease, add_lease, renew_lease, remove_lease, count_leases, over_leases, lease_keys;
    Statement pages_in_use;
  };

  FileEngine(Options options, Database database)
      : options_(std::move(options)), database_(std::move(database)) {}
  Status make_tables();
  Status prepare();

  Result<Meta> read_meta();
  Status write_meta(const Meta& meta);
  Result<std::optional<Entry>> find(std::string_view key);
  Result<bool> lease_lives(LeaseId lease, BootTime now);
  Status check_room();
  Status log(Meta& meta, std::int64_t number, const Change& change);
  Status forget_old_changes(Meta& meta);
  Status forget(Meta& meta, Revision up_to);
  Status remove_in(Meta& meta, std::int64_t number, std::string_view key);
  // Ends a lease in one transaction as far as that may go; false: keys are left.
  Result<bool> end_lease_once(LeaseId lease, std::optional<BootTime> if_over_at);

  const Options options_;
  Database database_;
  Statements sql_;
};

}  // namespace fairlead::store::internal
