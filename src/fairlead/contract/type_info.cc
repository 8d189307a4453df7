#include "fairlead/contract/type_info.h"

#include <algorithm>
#include <array>

namespace fairlead::contract {

std::string_view kind_name(Kind kind) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "void",   "bool",  "int32", "int64",  "uint32", "uint64", "float",    "double",
      "string", "bytes", "enum",  "struct", "list",   "map",    "optional", "generated"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view source_name(Source source) {
  static constexpr std::array<std::string_view, 4> kNames = {"body", "metadata", "query",
                                                             "session"};
  return kNames[static_cast<std::size_t>(source)];
}

const EnumValue* EnumInfo::find(std::string_view wanted) const {
  const auto found = std::ranges::find(values, wanted, &EnumValue::name);
  return found == values.end() ? nullptr : &*found;
}

const EnumValue* EnumInfo::find(std::int32_t number) const {
  const auto found = std::ranges::find(values, number, &EnumValue::number);
  return found == values.end() ? nullptr : &*found;
}

const FieldInfo* StructInfo::find(std::uint32_t number) const {
  const auto number_of = [this](std::uint16_t index) { return fields[index].number; };
  const auto found = std::ranges::lower_bound(by_number, number, {}, number_of);
  return found == by_number.end() || number_of(*found) != number ? nullptr : &fields[*found];
}

const FieldInfo* StructInfo::find(std::string_view wanted) const {
  const auto name_of = [this](std::uint16_t index) { return fields[index].name; };
  const auto found = std::ranges::lower_bound(by_name, wanted, {}, name_of);
  return found == by_name.end() || name_of(*found) != wanted ? nullptr : &fields[*found];
}

std::string_view TypeInfo::name() const {
  if (structure != nullptr) return structure->name;
  if (enumeration != nullptr) return enumeration->name;
  if (generated != nullptr) return generated->name();
  return kind_name(kind);
}

}  // namespace fairlead::contract
