// Fields: the header fields of a message that owns them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/http/proto/fields.h"

namespace fairlead::http {

using proto::Field;

// Fields in their order; names may repeat and are compared ignoring case. All text lies in one
// string. Views are valid until the next non-const call. Validity is checked when a head is
// written (HeadWriter), so that a value from a peer can be looked at whatever it is.
class Fields {
 public:
  Fields() = default;
  // Copies the fields of a parsed head.
  explicit Fields(const proto::FieldTable& table) { assign(table); }

  // Replaces all by the fields of a parsed head, in the memory that is there.
  void assign(const proto::FieldTable& table);
  // Adds all of `list`: anything with size() and operator[] that gives a Field.
  template <class List>
  void add_all(const List& list) {
    for (std::size_t i = 0; i < list.size(); ++i) add(list[i].name, list[i].value);
  }
  // Keeps the memory.
  void clear() {
    text_.clear();
    entries_.clear();
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Field operator[](std::size_t index) const;  // `index` < size()
  // The first field called `name`.
  std::optional<std::string_view> find(std::string_view name) const;
  // The first field called `name`, or `fallback`.
  std::string_view value_or(std::string_view name, std::string_view fallback) const;

  void add(std::string_view name, std::string_view value);
  // Replaces every field called `name` by one.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);

 private:
  struct Entry {
    std::uint32_t at;  // of the name; the value follows it
    std::uint32_t name_size;
    std::uint32_t value_size;
  };

  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace fairlead::http
