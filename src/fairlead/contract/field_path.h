// FieldPath: where in a value we are, kept on the stack and turned into text only for an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::contract {

// One step from a parent: a field, an index of a list or a key of a map. Borrows the parent and the
// name, so it lives in the frame that goes deeper.
class FieldPath {
 public:
  FieldPath() = default;  // the root
  FieldPath(const FieldPath& parent, std::string_view field) : parent_(&parent), name_(field) {}
  FieldPath(const FieldPath& parent, std::size_t index)
      : parent_(&parent), index_(index), step_(Step::kIndex) {}
  static FieldPath key(const FieldPath& parent, std::string_view key) {
    FieldPath path(parent, key);
    path.step_ = Step::kKey;
    return path;
  }

  bool root() const { return parent_ == nullptr; }
  // "items[2].name", "labels[\"a\"].x"; "the body" for the root. Keys are escaped and cut.
  std::string to_string() const;

 private:
  enum class Step : std::uint8_t { kField, kIndex, kKey };

  const FieldPath* parent_ = nullptr;
  std::string_view name_{};
  std::size_t index_ = 0;
  Step step_ = Step::kField;
};

}  // namespace fairlead::contract
