// ObjectReader: binds a map of a document to a plain struct, and says everything that is wrong.
//
//   Status read(const config::Value& value, GatewaySpec& out) {
//     config::ObjectReader reader(value);
//     reader.required("listen", out.listen);                       // std::string
//     reader.optional("timeout", out.timeout, {1ms, 1h});          // Duration, with limits
//     reader.optional_bytes("body_max", out.body_max, {1, 8 << 20});  // any unsigned number
//     reader.optional("routes", out.routes);                       // std::vector<RouteSpec>
//     return reader.finish();                                      // unknown keys
//   }
//
// Any type with such a `read` in its own namespace can be a member, an item or a map's value.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/base/time.h"
#include "fairlead/config/document.h"
#include "fairlead/config/problems.h"
#include "fairlead/config/value.h"

namespace fairlead::config {

// A number of bytes, written as 512, 64KiB, 8MiB, 1GiB, 1TiB, 1PiB, or KB to PB in powers of
// 1000.
struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

// Inclusive limits of a value.
template <class T>
struct Limits {
  T min;
  T max;
};

// Readers of the basic types. Errors, all kBadMessage with place, key path and remedy:
//   `config.wrong_type`    what is written is not of this type
//   `config.out_of_range`  it is, but the type cannot hold it
// A std::string also takes an unquoted number, as written; it does not take true, false or null.
// A quoted scalar is text only, so a number in quotes is no number.
Status read(const Value& value, bool& out);
Status read(const Value& value, std::int32_t& out);
Status read(const Value& value, std::int64_t& out);
Status read(const Value& value, std::uint16_t& out);
Status read(const Value& value, std::uint32_t& out);
Status read(const Value& value, std::uint64_t& out);
Status read(const Value& value, double& out);  // finite
Status read(const Value& value, std::string& out);
Status read(const Value& value, Duration& out);  // "250ms", "1.5s", "2m", "1h"; never negative
Status read(const Value& value, ByteSize& out);
template <class T>
Status read(const Value& value, std::optional<T>& out);
template <class T>
Status read(const Value& value, std::vector<T>& out);
template <class T>
Status read(const Value& value, std::map<std::string, T>& out);

// A `config.wrong_type` for `value`: "<place>: key 'a.b' wants <wanted>, got ...".
Status wrong_type(const Value& value, std::string_view wanted);

namespace internal {
std::string show(std::int64_t number);
std::string show(std::uint64_t number);
std::string show(double number);
std::string show(Duration duration);
std::string show(ByteSize size);
template <class T>
std::string show_limit(const T& limit) {
  if constexpr (std::signed_integral<T>)
    return show(std::int64_t{limit});
  else if constexpr (std::unsigned_integral<T>)
    return show(std::uint64_t{limit});
  else
    return show(limit);
}
Status out_of_range(const Value& value, std::string_view min, std::string_view max);
}  // namespace internal

// Lifetime: borrows the value; keys and names given to it must live until finish().
class ObjectReader {
 public:
  // A null value counts as an empty map, any other kind than a map is `config.wrong_type`.
  explicit ObjectReader(const Value& value);

  // Reads the member `key` into `out`. Missing or null: `config.missing_key`.
  template <class T>
  void required(std::string_view key, T& out) {
    if (const Value* found = need(key); found != nullptr) problems_.add(read(*found, out));
  }
  // The same within limits: `config.out_of_range`.
  template <class T>
  void required(std::string_view key, T& out, Limits<std::type_identity_t<T>> limits) {
    if (const Value* found = need(key); found != nullptr) read_limited(*found, out, limits);
  }
  // Reads the member `key` when it is there and not null; else `out` keeps what it holds.
  template <class T>
  void optional(std::string_view key, T& out) {
    if (const Value* found = look(key); found != nullptr) problems_.add(read(*found, out));
  }
  template <class T>
  void optional(std::string_view key, T& out, Limits<std::type_identity_t<T>> limits) {
    if (const Value* found = look(key); found != nullptr) read_limited(*found, out, limits);
  }

  // The same for a number of bytes ("8MiB") that stands in a plain number, which holds limits.max.
  template <std::unsigned_integral T>
  void optional_bytes(std::string_view key, T& out, Limits<std::uint64_t> limits) {
    ByteSize size{out};
    optional(key, size, {{limits.min}, {limits.max}});
    out = static_cast<T>(size.bytes);
  }

  // Calls `each` for every item of the list `key`, if it is there. All items are visited, whatever
  // `each` answers.
  void list(std::string_view key, const std::function<Status(const Value& item)>& each);
  // The same for the members of the map `key`; the name is value.key().
  void map(std::string_view key, const std::function<Status(const Value& member)>& each);

  // The member `key` as it is, or null when missing or null; it counts as known.
  const Value* look(std::string_view key);

  // Adds a problem of the caller's own rules at the place of `key` (or of the map when the key is
  // missing). `text` says what is wrong and what to do.
  void reject(std::string_view key, std::string_view reason, std::string_view text);

  // True when nothing was wrong so far.
  bool good() const { return problems_.empty(); }

  // Refuses keys that nobody asked for (`config.unknown_key`, with the nearest known name) and
  // returns all problems as one Status. Call it once, last.
  Status finish();

 private:
  const Value* need(std::string_view key);

  template <class T>
  void read_limited(const Value& found, T& out, const Limits<T>& limits) {
    T read_value{};
    const Status status = read(found, read_value);
    // What the type cannot hold is out of the limits, too, and these are what there is to choose.
    const bool beyond_type = status.reason() == "config.out_of_range";
    if (!status.ok() && !beyond_type) return problems_.add(status);
    if (beyond_type || read_value < limits.min || limits.max < read_value) {
      return problems_.add(internal::out_of_range(found, internal::show_limit(limits.min),
                                                  internal::show_limit(limits.max)));
    }
    out = read_value;
  }

  const Value& value_;
  std::vector<std::string_view> known_;
  Problems problems_;
};

// Reads the whole document into `out`.
template <class T>
Status bind(const Document& document, T& out) {
  return read(document.root(), out);
}

template <class T>
Status read(const Value& value, std::optional<T>& out) {
  T inner{};
  const Status status = read(value, inner);
  if (status.ok()) out = std::move(inner);
  return status;
}

template <class T>
Status read(const Value& value, std::vector<T>& out) {
  if (value.kind() != Value::Kind::kList) return wrong_type(value, "a list");
  Problems problems;
  std::vector<T> items;
  for (const auto& child : value.children()) {
    T item{};
    problems.add(read(*child, item));
    items.push_back(std::move(item));
  }
  if (problems.empty()) out = std::move(items);
  return problems.status();
}

template <class T>
Status read(const Value& value, std::map<std::string, T>& out) {
  if (value.kind() != Value::Kind::kMap) return wrong_type(value, "a map");
  Problems problems;
  std::map<std::string, T> members;
  for (const auto& child : value.children()) {
    problems.add(read(*child, members[std::string(child->key())]));
  }
  if (problems.empty()) out = std::move(members);
  return problems.status();
}

}  // namespace fairlead::config
