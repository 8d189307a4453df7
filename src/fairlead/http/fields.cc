#include "fairlead/http/fields.h"

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"

namespace fairlead::http {

void Fields::assign(const proto::FieldTable& table) {
  clear();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    bytes += table[i].name.size() + table[i].value.size();
  }
  text_.reserve(bytes);
  entries_.reserve(table.size());
  for (std::size_t i = 0; i < table.size(); ++i) add(table[i].name, table[i].value);
}

Field Fields::operator[](std::size_t index) const {
  FL_DCHECK(index < entries_.size());
  const Entry& entry = entries_[index];
  const std::string_view text = text_;
  return {text.substr(entry.at, entry.name_size),
          text.substr(entry.at + entry.name_size, entry.value_size)};
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  if (name.empty()) return std::nullopt;  // no field is called so
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name_size != name.size()) continue;
    // Most names of this length begin otherwise; whatever letters are, case is no more than bit 5.
    if (((text_[entries_[i].at] ^ name[0]) & ~0x20) != 0) continue;
    const Field field = (*this)[i];
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Fields::value_or(std::string_view name, std::string_view fallback) const {
  return find(name).value_or(fallback);
}

void Fields::add(std::string_view name, std::string_view value) {
  FL_CHECK(text_.size() + name.size() + value.size() <= UINT32_MAX);
  entries_.push_back({static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

// The text stays where it is: messages live shortly and removals are few.
void Fields::remove(std::string_view name) {
  const std::string_view text = text_;
  std::erase_if(entries_, [&](const Entry& entry) {
    return equals_ignoring_case(text.substr(entry.at, entry.name_size), name);
  });
}

}  // namespace fairlead::http
