// Value: one node of a configuration document, which knows where it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::config {

// Where something was written. `source` is a file's name, "environment variable X" or "flag --set
// X". Lines and columns begin at 1; 0 means that the source has none.
struct Place {
  std::shared_ptr<const std::string> source;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  std::string to_string() const;  // "gateway.yaml:4:3", or the source alone
};

// A tree of nulls, scalars, lists and maps. Scalars keep the text as it was written; what it means
// (number, duration, ...) is decided where it is read, see reader.h.
//
// Lifetime: a Value owns its children and stays where it is; children point to their parent.
// Thread:   like a standard container; a finished document may be read by many threads.
class Value {
 public:
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  // How a scalar was written: it decides which types it may be read as.
  enum class Style : std::uint8_t {
    kPlain,   // without quotes: number, true, text
    kQuoted,  // in quotes: always text
    kText,    // from a variable or a flag, which know no quotes: whatever the reader wants
  };

  explicit Value(Place place) : place_(std::move(place)) {}  // null
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  const Place& place() const { return place_; }
  std::string_view text() const { return text_; }  // of a scalar, else empty
  Style style() const { return style_; }
  // Items of a list, members of a map, in the order of the document.
  const std::vector<std::unique_ptr<Value>>& children() const { return children_; }
  std::string_view key() const { return key_; }  // of a member; empty for items and the root
  const Place& key_place() const { return key_place_; }
  // The member `key`, or null. Cost: linear; configuration maps are small.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);

  // "routes[2].prefix"; empty for the root.
  std::string path() const;
  // "the list [...]", "the number 5": for messages.
  std::string describe() const;

  // Editing; for those who build documents.
  void make_null();
  void make_scalar(std::string text, Style style);
  void make_list();
  void make_map();
  void set_place(Place place) { place_ = std::move(place); }
  // Appends a null item to a list, or a null member to a map, and returns it.
  Value& add_item(Place place);
  Value& add_member(std::string key, Place key_place, Place place);

 private:
  Value& add_child(std::unique_ptr<Value> child);

  Kind kind_ = Kind::kNull;
  Style style_ = Style::kPlain;
  Value* parent_ = nullptr;
  std::size_t index_ = 0;  // among the parent's children
  Place place_;
  Place key_place_;
  std::string key_;
  std::string text_;
  std::vector<std::unique_ptr<Value>> children_;
};

}  // namespace fairlead::config
