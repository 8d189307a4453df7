// FieldsView: the header fields of a message, whoever holds them.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <string_view>

#include "fairlead/http/proto/fields.h"

namespace fairlead::http::proto {

// Anything with size() and operator[] that gives a Field: rules about fields are written once, for
// the offset table of a parsed head and for a message that owns its fields. Borrows the table.
class FieldsView {
 public:
  template <class Table>
    requires(!std::same_as<Table, FieldsView>)
  // NOLINTNEXTLINE(google-explicit-constructor): a table is given as it is
  FieldsView(const Table& table)
      : table_(&table), size_(table.size()), read_([](const void* from, std::size_t index) {
          return Field((*static_cast<const Table*>(from))[index]);
        }) {}

  std::size_t size() const { return size_; }
  // `index` < size().
  Field operator[](std::size_t index) const { return read_(table_, index); }

 private:
  const void* table_;
  std::size_t size_;
  Field (*read_)(const void* table, std::size_t index);
};

// Takes the fields of an answer, one after the other. The views last as long as the call.
using FieldSink = std::function<void(std::string_view name, std::string_view value)>;

}  // namespace fairlead::http::proto
