#include "fairlead/store/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"

namespace fairlead::store::internal {
namespace {

constexpr int kBusyStepMs = 250;  // SQLite sleeps and tries again inside one step

Status open_failed(const std::string& path, std::string_view text) {
  return Status(Code::kInvalidOperation, "store.open_failed",
                escape_text(path).append(": ").append(text));
}

}  // namespace

Result<bool> check_path(const std::string& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) return open_failed(path, "this is a folder; name a file in it");
    if (!S_ISREG(facts.st_mode))
      return open_failed(path, "not a regular file; choose another path");
    if (::access(path.c_str(), R_OK | W_OK) == 0) return false;
    return open_failed(path, "may not be read and written; check its owner and mode");
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (::stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    return open_failed(path, "its folder does not exist; create it, or choose another path");
  }
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return true;
  return open_failed(path, "cannot be created: " + std::generic_category().message(errno) +
                               "; check owner and mode of the folder");
}

void SqliteCloser::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void SqliteCloser::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<Database> Database::open(const std::string& path, std::chrono::milliseconds busy_wait_max) {
  FL_TRY_ASSIGN(const bool absent, check_path(path));
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(std::unique_ptr<sqlite3, SqliteCloser>(raw), path, busy_wait_max);
  if (code != SQLITE_OK) return open_failed(path, sqlite3_errstr(code));
  // Services register addresses and tokens: for the owner only. SQLite gives -wal the same mode.
  if (absent) (void)::chmod(path.c_str(), 0600);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(
      raw, static_cast<int>(std::min<std::int64_t>(kBusyStepMs, busy_wait_max.count())));
  FL_TRY(database.use_wal());
  return database;
}

Status Database::use_wal() {
  const int code = execute_patiently("PRAGMA journal_mode = WAL");
  if (code != SQLITE_OK) return error(code);
  FL_TRY_ASSIGN(const Statement mode, prepare("PRAGMA journal_mode"));
  Query query(*this, mode);
  FL_TRY_ASSIGN(const bool row, query.step());
  if (!row || query.blob(0) != "wal") {
    return open_failed(path_, "no shared memory beside this file; put it on a local disk");
  }
  return execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF");
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : error(code);
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error(code);
  return Statement(statement);
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  FL_TRY_ASSIGN(const Statement statement, prepare(sql));
  Query query(*this, statement);
  FL_TRY_ASSIGN(const bool row, query.step());
  return row ? query.integer(0) : 0;
}

int Database::execute_patiently(const char* sql) {
  // Steps are counted, not timed: a test with a virtual clock must not wait for ever either.
  const std::int64_t steps = std::max<std::int64_t>(1, busy_wait_max_.count() / kBusyStepMs);
  constexpr std::int64_t kPauseMs = 5;
  std::int64_t pauses = std::max<std::int64_t>(1, busy_wait_max_.count() / kPauseMs);
  int code = SQLITE_OK;
  for (std::int64_t i = 0; i < steps; ++i) {
    const Time before = steady_now();
    code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    const int kind = code & 0xFF;
    if (kind != SQLITE_BUSY && kind != SQLITE_PROTOCOL) break;
    // Where waiting could be a deadlock, as in two first switches to WAL, SQLite answers at once
    // and does not wait: then the pause is ours, and counts little.
    const bool waited = steady_now() - before > std::chrono::milliseconds(kBusyStepMs / 2);
    if (waited || --pauses <= 0) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
    --i;
  }
  return code;
}

Status Database::begin_write() {
  const int code = execute_patiently("BEGIN IMMEDIATE");
  return code == SQLITE_OK ? Status() : error(code);
}

Status Database::error(int code) const {
  const std::string shown = escape_text(path_);
  const std::string said = std::string(" (").append(sqlite3_errmsg(handle_.get())).append(")");
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Status(Code::kOverloaded, "store.busy",
                    shown + ": another process held the lock for more than " +
                        std::to_string(busy_wait_max_.count()) + "ms" + said);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Status(Code::kInternal, "store.corrupt",
                    shown + " is damaged" + said +
                        "; stop the processes that use it, move it and its -wal and -shm files "
                        "away, and start again");
    case SQLITE_FULL:
      return Status(Code::kOverloaded, "store.full", shown + ": the disk is full" + said);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return open_failed(path_, "cannot be written" + said + "; check the file and its folder");
    default:
      return Status(Code::kInternal, "store.failed", shown + ": the store failed" + said);
  }
}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_, parameter, number);
  return *this;
}

Query& Query::bind(int parameter, std::string_view blob) {
  // A null pointer would bind NULL instead of an empty blob.
  sqlite3_bind_blob64(statement_, parameter, blob.data() == nullptr ? "" : blob.data(), blob.size(),
                      SQLITE_STATIC);
  return *this;
}

Result<bool> Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.error(code);
}

Status Query::run() {
  const Result<bool> row = step();
  return row.status();
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr || size <= 0) return {};
  return std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

Transaction::~Transaction() {
  // A failed rollback leaves nothing to do: SQLite has rolled back by itself.
  if (open_) (void)database_.execute("ROLLBACK").ok();
}

Status Transaction::begin_write() {
  FL_TRY(database_.begin_write());
  open_ = true;
  return {};
}

Status Transaction::begin_read() {
  FL_TRY(database_.execute("BEGIN"));
  open_ = true;
  return {};
}

Status Transaction::commit() {
  FL_TRY(database_.execute("COMMIT"));
  open_ = false;
  return {};
}

}  // namespace fairlead::store::internal
