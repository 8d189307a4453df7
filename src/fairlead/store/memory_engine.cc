#include "fairlead/store/memory_engine.h"

#include <algorithm>
#include <utility>

namespace fairlead::store::internal {
namespace {

std::size_t size_of(const Entry& entry) { return entry.key.size() + entry.value.size(); }

}  // namespace

Result<std::optional<Entry>> MemoryEngine::get(std::string_view key) {
  FL_TRY(check_key(key));
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::optional<Entry>();
  return std::optional<Entry>(found->second);
}

Result<Listing> MemoryEngine::range(std::string_view prefix, const RangeOptions& options) {
  Listing listing;
  listing.revision = revision_;
  std::size_t bytes = 0;
  auto at = options.after >= prefix && !options.after.empty() ? entries_.upper_bound(options.after)
                                                              : entries_.lower_bound(prefix);
  for (; at != entries_.end() && at->first.starts_with(prefix); ++at) {
    if (listing.entries.size() == page_limit(options) || bytes >= kPageBytesMax) {
      listing.more = true;
      break;
    }
    bytes += size_of(at->second);
    listing.entries.push_back(at->second);
  }
  return listing;
}

Result<Revision> MemoryEngine::put(std::string_view key, std::string_view value,
                                   const PutOptions& options, BootTime now) {
  FL_TRY(check_key(key));
  FL_TRY(check_value(value));
  const auto lease = leases_.find(options.lease);
  if (options.lease != 0 && (lease == leases_.end() || lease->second.deadline <= now)) {
    return no_lease(options.lease);
  }
  const auto found = entries_.find(key);
  const Revision actual = found == entries_.end() ? 0 : found->second.mod_revision;
  if (options.expected_mod_revision.value_or(actual) != actual) {
    return version_changed(key, *options.expected_mod_revision, actual);
  }
  const std::size_t freed = found == entries_.end() ? 0 : size_of(found->second);
  if (bytes_ - freed + key.size() + value.size() > limits_.bytes_max) {
    return full(limits_.bytes_max);
  }

  ++revision_;
  Entry& entry = found == entries_.end() ? entries_[std::string(key)] : found->second;
  if (const auto old = leases_.find(entry.lease); old != leases_.end()) {
    old->second.keys.erase(entry.key);
  }
  if (entry.version == 0) entry.create_revision = revision_;
  entry.key = key;
  entry.value = value;
  entry.mod_revision = revision_;
  ++entry.version;
  entry.lease = options.lease;
  if (options.lease != 0) lease->second.keys.emplace(key);
  bytes_ += size_of(entry) - freed;
  log({Change::Kind::kPut, entry});
  return revision_;
}

Result<bool> MemoryEngine::remove(std::string_view key, const RemoveOptions& options) {
  FL_TRY(check_key(key));
  const auto found = entries_.find(key);
  const Revision actual = found == entries_.end() ? 0 : found->second.mod_revision;
  if (options.expected_mod_revision.value_or(actual) != actual) {
    return version_changed(key, *options.expected_mod_revision, actual);
  }
  if (found == entries_.end()) return false;
  ++revision_;
  erase(found);
  return true;
}

Result<LeaseId> MemoryEngine::grant(Duration ttl, BootTime now) {
  FL_TRY_ASSIGN(const std::chrono::milliseconds checked, check_ttl(ttl));
  if (leases_.size() >= limits_.leases_max) return too_many_leases(limits_.leases_max);
  leases_.emplace(++last_lease_, Lease{checked, now + checked, {}});
  return last_lease_;
}

Result<Duration> MemoryEngine::keep_alive(LeaseId lease, BootTime now) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.deadline <= now) return no_lease(lease);
  found->second.deadline = now + found->second.ttl;
  return Duration(found->second.ttl);
}

Status MemoryEngine::revoke(LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return no_lease(lease);
  end_lease(found);
  return {};
}

Result<std::size_t> MemoryEngine::expire(BootTime now) {
  std::size_t ended = 0;
  for (auto at = leases_.begin(); at != leases_.end();) {
    const auto lease = at++;
    if (lease->second.deadline > now) continue;
    end_lease(lease);
    ++ended;
  }
  return ended;
}

Result<Changes> MemoryEngine::changes(Revision from) {
  if (from <= compacted_) return compacted(from, compacted_);
  Changes out;
  out.next = std::max(from, revision_ + 1);
  std::size_t bytes = 0;
  auto at = std::ranges::lower_bound(
      changes_, from, {}, [](const Change& change) { return change.entry.mod_revision; });
  for (; at != changes_.end(); ++at) {
    const bool page_full = out.changes.size() >= kRangeEntriesMax || bytes >= kPageBytesMax;
    if (page_full && at->entry.mod_revision != out.changes.back().entry.mod_revision) {
      out.next = at->entry.mod_revision;
      break;
    }
    bytes += size_of(at->entry);
    out.changes.push_back(*at);
  }
  return out;
}

// Deletes in the revision that has just begun.
void MemoryEngine::erase(Entries::iterator at) {
  const Entry entry = std::move(at->second);
  entries_.erase(at);
  bytes_ -= size_of(entry);
  if (const auto lease = leases_.find(entry.lease); lease != leases_.end()) {
    lease->second.keys.erase(entry.key);
  }
  Change change;
  change.kind = Change::Kind::kDelete;
  change.entry.key = entry.key;
  change.entry.mod_revision = revision_;
  log(std::move(change));
}

void MemoryEngine::end_lease(std::map<LeaseId, Lease>::iterator at) {
  std::size_t in_revision = 0;
  while (!at->second.keys.empty()) {
    if (in_revision++ % kKeysPerTransactionMax == 0) ++revision_;
    erase(entries_.find(*at->second.keys.begin()));
  }
  leases_.erase(at);
}

void MemoryEngine::log(Change change) {
  change_bytes_ += size_of(change.entry);
  changes_.push_back(std::move(change));
  // The revision that is being written always stays.
  while (changes_.front().entry.mod_revision < revision_ &&
         (changes_.front().entry.mod_revision <= compacted_ ||
          revision_ - compacted_ > limits_.changes_max ||
          change_bytes_ > limits_.change_bytes_max)) {
    compacted_ = changes_.front().entry.mod_revision;
    change_bytes_ -= size_of(changes_.front().entry);
    changes_.pop_front();
  }
}

}  // namespace fairlead::store::internal
