// The store in a process's memory: for tests, simulation and programs of one process.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "fairlead/store/engine.h"

namespace fairlead::store::internal {

// Cost: O(log n) for a key. Entries are counted against Limits::bytes_max with keys and values.
class MemoryEngine final : public Engine {
 public:
  explicit MemoryEngine(Limits limits = {}) : limits_(limits) {}

  Result<std::optional<Entry>> get(std::string_view key) override;
  Result<Listing> range(std::string_view prefix, const RangeOptions& options) override;
  Result<Revision> put(std::string_view key, std::string_view value, const PutOptions& options,
                       BootTime now) override;
  Result<bool> remove(std::string_view key, const RemoveOptions& options) override;
  Result<LeaseId> grant(Duration ttl, BootTime now) override;
  Result<Duration> keep_alive(LeaseId lease, BootTime now) override;
  Status revoke(LeaseId lease) override;
  Result<std::size_t> expire(BootTime now) override;
  Result<Revision> revision() override { return revision_; }
  Result<Changes> changes(Revision from) override;

 private:
  struct Lease {
    std::chrono::milliseconds ttl;
    BootTime deadline;
    std::set<std::string> keys;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  void erase(Entries::iterator at);
  void end_lease(std::map<LeaseId, Lease>::iterator at);
  void log(Change change);

  const Limits limits_;
  Entries entries_;
  std::size_t bytes_ = 0;
  std::map<LeaseId, Lease> leases_;
  LeaseId last_lease_ = 0;
  Revision revision_ = 0;
  Revision compacted_ = 0;  // changes up to this revision are forgotten
  std::deque<Change> changes_;
  std::size_t change_bytes_ = 0;
};

}  // namespace fairlead::store::internal
