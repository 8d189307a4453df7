// A thin cover over SQLite's C interface: owners for its handles, and its errors as Status.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fairlead::store::internal {

// Explains what is wrong with a path better than SQLite's "unable to open database file" does.
// True: there is no such file yet. The file itself is never opened here: closing any descriptor of
// it would drop the locks that another connection of this process holds (POSIX).
// Errors: kInvalidOperation `store.open_failed`.
Result<bool> check_path(const std::string& path);

struct SqliteCloser {
  void operator()(sqlite3* database) const;
  void operator()(sqlite3_stmt* statement) const;
};
using Statement = std::unique_ptr<sqlite3_stmt, SqliteCloser>;

// One connection. Thread: one at a time. Not to be carried through fork().
class Database {
 public:
  // Opens or makes the file, in WAL mode. `busy_wait_max`: longest wait for another process's lock.
  // Errors: kInvalidOperation `store.open_failed`, kInternal `store.corrupt`,
  //         kOverloaded `store.busy`.
  static Result<Database> open(const std::string& path, std::chrono::milliseconds busy_wait_max);

  const std::string& path() const { return path_; }
  Status execute(const char* sql);  // statements without results
  Result<Statement> prepare(std::string_view sql);
  Result<std::int64_t> integer(std::string_view sql);  // first column of the first row

  // Begins a write transaction, waiting for the lock in bounded steps.
  Status begin_write();

  // What SQLite's `code` means to a caller.
  Status error(int code) const;

 private:
  Database(std::unique_ptr<sqlite3, SqliteCloser> handle, std::string path,
           std::chrono::milliseconds busy_wait_max)
      : path_(std::move(path)), busy_wait_max_(busy_wait_max), handle_(std::move(handle)) {}
  Status use_wal();
  // Runs `sql`, again while another process holds the lock, up to busy_wait_max_.
  int execute_patiently(const char* sql);

  std::string path_;
  std::chrono::milliseconds busy_wait_max_;
  std::unique_ptr<sqlite3, SqliteCloser> handle_;
};

// One use of a prepared statement; resets it at the end. Columns and parameters as in SQLite:
// columns from 0, parameters from 1. Bound texts must live until the end.
class Query {
 public:
  Query(const Database& database, const Statement& statement)
      : database_(database), statement_(statement.get()) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& bind(int parameter, std::int64_t number);
  Query& bind(int parameter, std::string_view blob);
  Result<bool> step();  // true: there is a row
  Status run();         // step() for statements without rows
  std::int64_t integer(int column) const;
  std::string blob(int column) const;

 private:
  const Database& database_;
  sqlite3_stmt* statement_;
};

// Rolls back at its end unless it was committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  Status begin_write();
  Status begin_read();
  Status commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace fairlead::store::internal
