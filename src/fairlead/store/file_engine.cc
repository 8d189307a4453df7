#include "fairlead/store/file_engine.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead::store::internal {
namespace {

constexpr std::int64_t kApplicationId = 0x464C5354;  // "FLST"
constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kChangesPerRevisionMax = 1024;
static_assert(kKeysPerTransactionMax < kChangesPerRevisionMax);
constexpr std::int64_t kChangeOverheadBytes = 64;

constexpr const char* kTables = R"(
CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 0), revision INTEGER NOT NULL,
  compacted INTEGER NOT NULL, change_bytes INTEGER NOT NULL, last_lease INTEGER NOT NULL);
INSERT INTO meta VALUES(0, 0, 0, 0, 0);
CREATE TABLE entries(key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,
  create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER NOT NULL);
CREATE INDEX entries_of_lease ON entries(lease) WHERE lease <> 0;
CREATE TABLE changes(seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key BLOB NOT NULL,
  value BLOB NOT NULL, create_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER NOT NULL);
CREATE TABLE leases(id INTEGER PRIMARY KEY, ttl_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
  boot BLOB NOT NULL);
CREATE INDEX leases_by_deadline ON leases(deadline_ms);
PRAGMA application_id = 1179407188;
PRAGMA user_version = 1;
)";

std::int64_t change_size(std::string_view key, std::string_view value) {
  return static_cast<std::int64_t>(key.size() + value.size()) + kChangeOverheadBytes;
}

Entry entry_of(const Query& row) {
  return {.key = row.blob(0),
          .value = row.blob(1),
          .create_revision = row.integer(2),
          .mod_revision = row.integer(3),
          .version = row.integer(4),
          .lease = row.integer(5)};
}

}  // namespace

Result<std::unique_ptr<FileEngine>> FileEngine::open(Options options) {
  FL_TRY_ASSIGN(Database database, Database::open(options.path, options.busy_wait_max));
  std::unique_ptr<FileEngine> engine(new FileEngine(std::move(options), std::move(database)));
  FL_TRY(engine->make_tables());
  FL_TRY(engine->prepare());
  FL_TRY(engine->revision());
  return engine;
}

Status FileEngine::make_tables() {
  FL_TRY_ASSIGN(std::int64_t format, database_.integer("PRAGMA user_version"));
  if (format == 0) {
    // Another process may be doing the same: the lock decides, and the loser finds the tables.
    Transaction transaction(database_);
    FL_TRY(transaction.begin_write());
    FL_TRY_ASSIGN(format, database_.integer("PRAGMA user_version"));
    FL_TRY_ASSIGN(const std::int64_t tables,
                  database_.integer("SELECT count(*) FROM sqlite_schema"));
    if (format == 0 && tables == 0) FL_TRY(database_.execute(kTables));
    FL_TRY(transaction.commit());
    FL_TRY_ASSIGN(format, database_.integer("PRAGMA user_version"));
  }
  FL_TRY_ASSIGN(const std::int64_t application, database_.integer("PRAGMA application_id"));
  if (application == kApplicationId && format == kFormat) return {};
  const std::string what =
      application == kApplicationId
          ? "a store of format " + std::to_string(format) + "; this program knows format 1 only"
          : std::string("the database of another program");
  return Status(Code::kInvalidOperation, "store.open_failed",
                escape_text(options_.path) + ": " + what + "; choose another path");
}

Status FileEngine::prepare() {
  const std::pair<Statement*, std::string_view> all[] = {
      {&sql_.read_meta, "SELECT revision, compacted, change_bytes, last_lease FROM meta"},
      {&sql_.write_meta,
       "UPDATE meta SET revision = ?1, compacted = ?2, change_bytes = ?3, last_lease = ?4"},
      {&sql_.get,
       "SELECT key, value, create_revision, mod_revision, version, lease FROM entries "
       "WHERE key = ?1"},
      {&sql_.range,
       "SELECT key, value, create_revision, mod_revision, version, lease FROM entries "
       "WHERE key >= ?1 ORDER BY key"},
      {&sql_.upsert,
       "INSERT INTO entries(key, value, create_revision, mod_revision, version, lease) "
       "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(key) DO UPDATE SET value = ?2, "
       "mod_revision = ?4, version = ?5, lease = ?6"},
      {&sql_.remove, "DELETE FROM entries WHERE key = ?1"},
      {&sql_.log, "INSERT INTO changes VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&sql_.read_changes,
       "SELECT key, value, create_revision, seq / 1024, version, lease, kind FROM changes "
       "WHERE seq >= ?1 ORDER BY seq"},
      {&sql_.oldest_change, "SELECT seq / 1024 FROM changes ORDER BY seq LIMIT 1"},
      {&sql_.forget_changes,
       "DELETE FROM changes WHERE seq < ?1 RETURNING length(key) + length(value)"},
      {&sql_.lease, "SELECT ttl_ms FROM leases WHERE id = ?1 AND deadline_ms > ?2 AND boot = ?3"},
      {&sql_.add_lease, "INSERT INTO leases VALUES(?1, ?2, ?3, ?4)"},
      {&sql_.renew_lease, "UPDATE leases SET deadline_ms = ?2 WHERE id = ?1"},
      {&sql_.remove_lease, "DELETE FROM leases WHERE id = ?1 RETURNING id"},
      {&sql_.count_leases, "SELECT count(*) FROM leases"},
      {&sql_.over_leases, "SELECT id FROM leases WHERE deadline_ms <= ?1 OR boot <> ?2 LIMIT 1000"},
      {&sql_.lease_keys, "SELECT key FROM entries WHERE lease = ?1 AND lease <> 0 LIMIT ?2"},
      {&sql_.pages_in_use,
       "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), "
       "pragma_freelist_count(), pragma_page_size()"},
  };
  for (const auto& [statement, text] : all) {
    FL_TRY_ASSIGN(*statement, database_.prepare(text));
  }
  return {};
}

Result<std::optional<Entry>> FileEngine::get(std::string_view key) {
  FL_TRY(check_key(key));
  return find(key);
}

Result<Listing> FileEngine::range(std::string_view prefix, const RangeOptions& options) {
  Transaction snapshot(database_);
  FL_TRY(snapshot.begin_read());
  FL_TRY_ASSIGN(const Meta meta, read_meta());
  Listing listing;
  listing.revision = meta.revision;
  std::size_t bytes = 0;
  // The first key behind `after` is `after` with a zero byte.
  const std::string behind = options.after.empty() ? std::string() : options.after + '\0';
  const std::string_view first = std::max(prefix, std::string_view(behind));
  {
    Query query(database_, sql_.range);
    query.bind(1, first);
    while (true) {
      FL_TRY_ASSIGN(const bool row, query.step());
      if (!row) break;
      Entry entry = entry_of(query);
      if (!entry.key.starts_with(prefix)) break;
      if (listing.entries.size() == page_limit(options) || bytes >= kPageBytesMax) {
        listing.more = true;
        break;
      }
      bytes += entry.key.size() + entry.value.size();
      listing.entries.push_back(std::move(entry));
    }
  }
  FL_TRY(snapshot.commit());
  return listing;
}

Result<Revision> FileEngine::put(std::string_view key, std::string_view value,
                                 const PutOptions& options, BootTime now) {
  FL_TRY(check_key(key));
  FL_TRY(check_value(value));
  Transaction transaction(database_);
  FL_TRY(transaction.begin_write());
  if (options.lease != 0) {
    FL_TRY_ASSIGN(const bool lives, lease_lives(options.lease, now));
    if (!lives) return no_lease(options.lease);
  }
  FL_TRY_ASSIGN(std::optional<Entry> old, find(key));
  const Revision actual = old.has_value() ? old->mod_revision : 0;
  if (options.expected_mod_revision.value_or(actual) != actual) {
    return version_changed(key, *options.expected_mod_revision, actual);
  }
  FL_TRY(check_room());
  FL_TRY_ASSIGN(Meta meta, read_meta());

  Change change;
  change.entry = {.key = std::string(key),
                  .value = std::string(value),
                  .create_revision = old.has_value() ? old->create_revision : meta.revision + 1,
                  .mod_revision = ++meta.revision,
                  .version = old.has_value() ? old->version + 1 : 1,
                  .lease = options.lease};
  const Entry& entry = change.entry;
  {
    Query query(database_, sql_.upsert);
    query.bind(1, key).bind(2, value).bind(3, entry.create_revision);
    query.bind(4, entry.mod_revision).bind(5, entry.version).bind(6, entry.lease);
    FL_TRY(query.run());
  }
  FL_TRY(log(meta, 0, change));
  FL_TRY(forget_old_changes(meta));
  FL_TRY(write_meta(meta));
  FL_TRY(transaction.commit());
  return meta.revision;
}

Result<bool> FileEngine::remove(std::string_view key, const RemoveOptions& options) {
  FL_TRY(check_key(key));
  Transaction transaction(database_);
  FL_TRY(transaction.begin_write());
  FL_TRY_ASSIGN(std::optional<Entry> old, find(key));
  const Revision actual = old.has_value() ? old->mod_revision : 0;
  if (options.expected_mod_revision.value_or(actual) != actual) {
    return version_changed(key, *options.expected_mod_revision, actual);
  }
  if (!old.has_value()) return false;
  FL_TRY_ASSIGN(Meta meta, read_meta());
  ++meta.revision;
  FL_TRY(remove_in(meta, 0, key));
  FL_TRY(forget_old_changes(meta));
  FL_TRY(write_meta(meta));
  FL_TRY(transaction.commit());
  return true;
}

Result<LeaseId> FileEngine::grant(Duration ttl, BootTime now) {
  FL_TRY_ASSIGN(const std::chrono::milliseconds checked, check_ttl(ttl));
  Transaction transaction(database_);
  FL_TRY(transaction.begin_write());
  {
    Query query(database_, sql_.count_leases);
    FL_TRY(query.run());
    if (query.integer(0) >= static_cast<std::int64_t>(options_.limits.leases_max)) {
      return too_many_leases(options_.limits.leases_max);
    }
  }
  FL_TRY_ASSIGN(Meta meta, read_meta());
  ++meta.last_lease;
  {
    Query query(database_, sql_.add_lease);
    query.bind(1, meta.last_lease).bind(2, std::int64_t{checked.count()});
    query.bind(3, std::int64_t{(now + checked).count()}).bind(4, options_.boot_id);
    FL_TRY(query.run());
  }
  FL_TRY(write_meta(meta));
  FL_TRY(transaction.commit());
  return meta.last_lease;
}

Result<Duration> FileEngine::keep_alive(LeaseId lease, BootTime now) {
  Transaction transaction(database_);
  FL_TRY(transaction.begin_write());
  std::chrono::milliseconds ttl{};
  {
    Query query(database_, sql_.lease);
    query.bind(1, lease).bind(2, std::int64_t{now.count()}).bind(3, options_.boot_id);
    FL_TRY_ASSIGN(const bool row, query.step());
    if (!row) return no_lease(lease);
    ttl = std::chrono::milliseconds(query.integer(0));
  }
  {
    Query query(database_, sql_.renew_lease);
    FL_TRY(query.bind(1, lease).bind(2, std::int64_t{(now + ttl).count()}).run());
  }
  FL_TRY(transaction.commit());
  return Duration(ttl);
}

Status FileEngine::revoke(LeaseId lease) {
  bool ended = false;
  while (!ended) {
    FL_TRY_ASSIGN(ended, end_lease_once(lease, std::nullopt));
  }
  return {};
}

Result<std::size_t> FileEngine::expire(BootTime now) {
  std::vector<LeaseId> over;
  {
    Query query(database_, sql_.over_leases);
    query.bind(1, std::int64_t{now.count()}).bind(2, options_.boot_id);
    while (true) {
      FL_TRY_ASSIGN(const bool row, query.step());
      if (!row) break;
      over.push_back(query.integer(0));
    }
  }
  std::size_t ended = 0;
  for (const LeaseId lease : over) {
    Result<bool> done = false;
    while (done.ok() && !*done) done = end_lease_once(lease, now);
    // Another process ended or renewed it first: it is not ours to count.
    if (!done.ok() && done.status().reason() != "store.no_lease") return done.status();
    if (done.ok()) ++ended;
  }
  return ended;
}

Result<Revision> FileEngine::revision() {
  FL_TRY_ASSIGN(const Meta meta, read_meta());
  return meta.revision;
}

Result<Changes> FileEngine::changes(Revision from) {
  Transaction snapshot(database_);
  FL_TRY(snapshot.begin_read());
  FL_TRY_ASSIGN(const Meta meta, read_meta());
  if (from <= meta.compacted) return compacted(from, meta.compacted);
  Changes out;
  out.next = std::max(from, meta.revision + 1);
  std::size_t bytes = 0;
  if (from <= meta.revision) {
    Query query(database_, sql_.read_changes);
    query.bind(1, from * kChangesPerRevisionMax);
    while (true) {
      FL_TRY_ASSIGN(const bool row, query.step());
      if (!row) break;
      Change change{query.integer(6) == 0 ? Change::Kind::kPut : Change::Kind::kDelete,
                    entry_of(query)};
      const bool page_full = out.changes.size() >= kRangeEntriesMax || bytes >= kPageBytesMax;
      if (page_full && change.entry.mod_revision != out.changes.back().entry.mod_revision) {
        out.next = change.entry.mod_revision;
        break;
      }
      bytes += change.entry.key.size() + change.entry.value.size();
      out.changes.push_back(std::move(change));
    }
  }
  FL_TRY(snapshot.commit());
  return out;
}

Result<FileEngine::Meta> FileEngine::read_meta() {
  Query query(database_, sql_.read_meta);
  FL_TRY_ASSIGN(const bool row, query.step());
  if (!row) {
    return Status(Code::kInternal, "store.corrupt",
                  escape_text(options_.path) +
                      " is damaged (its revision is lost); stop the processes that use it, move it "
                      "and its -wal and -shm files away, and start again");
  }
  return Meta{query.integer(0), query.integer(1), query.integer(2), query.integer(3)};
}

Status FileEngine::write_meta(const Meta& meta) {
  Query query(database_, sql_.write_meta);
  query.bind(1, meta.revision).bind(2, meta.compacted);
  return query.bind(3, meta.change_bytes).bind(4, meta.last_lease).run();
}

Result<std::optional<Entry>> FileEngine::find(std::string_view key) {
  Query query(database_, sql_.get);
  query.bind(1, key);
  FL_TRY_ASSIGN(const bool row, query.step());
  if (!row) return std::optional<Entry>();
  return std::optional<Entry>(entry_of(query));
}

Result<bool> FileEngine::lease_lives(LeaseId lease, BootTime now) {
  Query query(database_, sql_.lease);
  query.bind(1, lease).bind(2, std::int64_t{now.count()}).bind(3, options_.boot_id);
  return query.step();
}

// Only what adds is stopped by the limit, so that there is always room to delete.
Status FileEngine::check_room() {
  Query query(database_, sql_.pages_in_use);
  FL_TRY(query.run());
  const auto bytes = static_cast<std::size_t>(query.integer(0));
  return bytes < options_.limits.bytes_max ? Status() : full(options_.limits.bytes_max);
}

Status FileEngine::log(Meta& meta, std::int64_t number, const Change& change) {
  const Entry& entry = change.entry;
  Query query(database_, sql_.log);
  query.bind(1, entry.mod_revision * kChangesPerRevisionMax + number);
  query.bind(2, std::int64_t{change.kind == Change::Kind::kPut ? 0 : 1});
  query.bind(3, entry.key).bind(4, entry.value).bind(5, entry.create_revision);
  query.bind(6, entry.version).bind(7, entry.lease);
  meta.change_bytes += change_size(entry.key, entry.value);
  return query.run();
}

Status FileEngine::forget_old_changes(Meta& meta) {
  const Limits& limits = options_.limits;
  if (meta.revision - meta.compacted > limits.changes_max) {
    FL_TRY(forget(meta, meta.revision - limits.changes_max));
  }
  while (meta.change_bytes > static_cast<std::int64_t>(limits.change_bytes_max)) {
    Revision oldest = 0;
    {
      Query query(database_, sql_.oldest_change);
      FL_TRY_ASSIGN(const bool row, query.step());
      // The revision that is being written always stays.
      if (!row || query.integer(0) >= meta.revision) return {};
      oldest = query.integer(0);
    }
    FL_TRY(forget(meta, oldest));
  }
  return {};
}

Status FileEngine::forget(Meta& meta, Revision up_to) {
  Query query(database_, sql_.forget_changes);
  query.bind(1, (up_to + 1) * kChangesPerRevisionMax);
  while (true) {
    FL_TRY_ASSIGN(const bool row, query.step());
    if (!row) break;
    meta.change_bytes -= query.integer(0) + kChangeOverheadBytes;
  }
  meta.compacted = up_to;
  return {};
}

Status FileEngine::remove_in(Meta& meta, std::int64_t number, std::string_view key) {
  {
    Query query(database_, sql_.remove);
    FL_TRY(query.bind(1, key).run());
  }
  Change change;
  change.kind = Change::Kind::kDelete;
  change.entry.key = key;
  change.entry.mod_revision = meta.revision;
  return log(meta, number, change);
}

Result<bool> FileEngine::end_lease_once(LeaseId lease, std::optional<BootTime> if_over_at) {
  Transaction transaction(database_);
  FL_TRY(transaction.begin_write());
  if (if_over_at.has_value()) {
    FL_TRY_ASSIGN(const bool lives, lease_lives(lease, *if_over_at));
    if (lives) return no_lease(lease);  // renewed since it was listed
  }
  FL_TRY_ASSIGN(Meta meta, read_meta());
  std::vector<std::string> keys;
  {
    Query query(database_, sql_.lease_keys);
    query.bind(1, lease).bind(2, static_cast<std::int64_t>(kKeysPerTransactionMax));
    while (true) {
      FL_TRY_ASSIGN(const bool row, query.step());
      if (!row) break;
      keys.push_back(query.blob(0));
    }
  }
  if (!keys.empty()) ++meta.revision;
  std::int64_t number = 0;
  for (const std::string& key : keys) {
    FL_TRY(remove_in(meta, number++, key));
  }
  const bool last = keys.size() < kKeysPerTransactionMax;
  if (last) {
    Query query(database_, sql_.remove_lease);
    FL_TRY_ASSIGN(const bool row, query.bind(1, lease).step());
    if (!row) return no_lease(lease);
    // The statement ends only when it was stepped to its end.
    FL_TRY(query.run());
  }
  FL_TRY(forget_old_changes(meta));
  FL_TRY(write_meta(meta));
  FL_TRY(transaction.commit());
  return last;
}

}  // namespace fairlead::store::internal
