// What the store holds: entries with their revisions, leases, changes. The model is etcd's v3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::store {

// The store's write counter: every write transaction that changes a key makes the next one.
using Revision = std::int64_t;
// Names a lease; 0 is "no lease".
using LeaseId = std::int64_t;

inline constexpr std::size_t kKeyBytesMax = 4096;
inline constexpr std::size_t kValueBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kRangeEntriesMax = 1000;
inline constexpr std::size_t kPageBytesMax = std::size_t{16} << 20;  // of one listing or batch

struct Entry {
  std::string key;
  std::string value;
  Revision create_revision = 0;  // of the write that made the key
  Revision mod_revision = 0;     // of its last write; what compare-and-swap compares
  std::int64_t version = 0;      // writes since it was made, from 1 on
  LeaseId lease = 0;             // the key goes away with this lease

  friend bool operator==(const Entry&, const Entry&) = default;
};

struct RangeOptions {
  std::size_t limit = kRangeEntriesMax;  // 1 .. 1000; more is cut to 1000, 0 means 1000
  std::string after;                     // keys above this one; to go on behind a full page
};

struct Listing {
  std::vector<Entry> entries;  // in the order of keys (as bytes)
  bool more = false;           // the page was full: go on with `after` = last key
  Revision revision = 0;       // of the store when it was read; watch from revision + 1
};

struct PutOptions {
  LeaseId lease = 0;
  // The write happens only if the key's mod_revision is this; 0: only if there is no such key.
  std::optional<Revision> expected_mod_revision;
};

struct RemoveOptions {
  std::optional<Revision> expected_mod_revision;  // as in PutOptions
};

struct Change {
  enum class Kind : std::uint8_t { kPut, kDelete };
  Kind kind = Kind::kPut;
  // A deletion has the key and, as mod_revision, the revision in which it happened.
  Entry entry;

  friend bool operator==(const Change&, const Change&) = default;
};

}  // namespace fairlead::store
