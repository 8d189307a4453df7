// Field lines of a head: an offset table over the bytes that were read, filled in one pass.
//
//   Host: localhost\r\n        entry: | name_at | name_size | value_at | value_size |  4 x 16 bits
//   ^name      ^value          offsets count from the first byte of the head
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fairlead/base/check.h"
#include "fairlead/http/proto/refusal.h"

namespace fairlead::http::proto {

inline constexpr std::size_t kFieldsMax = 100;
inline constexpr std::size_t kHeadBytesMax = 65536;
inline constexpr std::size_t kTargetBytesMax = 8192;
inline constexpr std::size_t kMethodBytesMax = 32;

struct Field {
  std::string_view name;   // as it was sent; compare ignoring case
  std::string_view value;  // without the white space around it
};

// The fields of one head in the order they came. Views point into the bytes given to set_base().
class FieldTable {
 public:
  std::size_t size() const { return count_; }
  // `index` < size().
  Field operator[](std::size_t index) const {
    const Entry& entry = entries_[index];
    return {{base_ + entry.name_at, entry.name_size}, {base_ + entry.value_at, entry.value_size}};
  }
  // The first field called `name`, ignoring case.
  std::optional<std::string_view> find(std::string_view name) const;

  // False when the table is full. Offsets and sizes < kHeadBytesMax.
  bool add(std::size_t name_at, std::size_t name_size, std::size_t value_at,
           std::size_t value_size) {
    FL_DCHECK(name_at < kHeadBytesMax && value_at < kHeadBytesMax);
    if (count_ == entries_.size()) return false;
    const auto narrow = [](std::size_t number) { return static_cast<std::uint16_t>(number); };
    entries_[count_++] = {narrow(name_at), narrow(name_size), narrow(value_at), narrow(value_size)};
    return true;
  }
  // The head's first byte. Whoever moves the bytes says so here.
  void set_base(const char* base) { base_ = base; }
  void clear() { count_ = 0; }

 private:
  struct Entry {
    std::uint16_t name_at;
    std::uint16_t name_size;
    std::uint16_t value_at;
    std::uint16_t value_size;
  };

  const char* base_ = nullptr;
  std::size_t count_ = 0;
  std::array<Entry, kFieldsMax> entries_;
};

// Takes the next item off `rest`, the value of a field that is a list ("a, b", RFC 9110 section
// 5.6.1), without the blanks around it. Empty items are given too. Quoted commas are not known: for
// lists of tokens such as Connection, TE and Upgrade.
std::string_view next_list_item(std::string_view& rest);

namespace internal {

// What the fields that steer the connection and the framing say, gathered line by line.
struct Steering {
  std::uint16_t hosts = 0;
  std::uint16_t lengths = 0;
  std::uint16_t codings = 0;
  std::uint16_t expectations = 0;
  std::size_t host_index = 0;  // of the first Host field
  std::uint64_t length = 0;
  bool chunked = false;  // the (last) Transfer-Encoding is exactly "chunked"
  bool expects_continue = false;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;    // "upgrade" stands in Connection
  bool protocols = false;  // there is an Upgrade field that names something
  bool trailers = false;   // "trailers" stands in TE
};

// Reads one field line, `input[from, to)`, into `table` and `steering`. The line holds no stop
// (scan.h). Errors: kBadField, kBadLength, kTooManyFields.
Refusal read_field_line(std::string_view input, std::size_t from, std::size_t to, FieldTable& table,
                        Steering& steering);

}  // namespace internal
}  // namespace fairlead::http::proto
