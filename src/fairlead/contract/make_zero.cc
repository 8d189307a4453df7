#include "fairlead/contract/make_zero.h"

#include <cstring>
#include <string>

#include "fairlead/base/bytes.h"

namespace fairlead::contract {

void make_zero(const TypeInfo& type, void* value) {
  switch (type.kind) {
    case Kind::kStruct:
      for (const FieldInfo& field : type.structure->fields) make_zero(*field.type, field.in(value));
      return;
    case Kind::kString:
      static_cast<std::string*>(value)->clear();
      return;
    case Kind::kBytes:
      *static_cast<Bytes*>(value) = Bytes();
      return;
    case Kind::kList:
      return type.list->clear(value);
    case Kind::kMap:
      return type.map->clear(value);
    case Kind::kOptional:
      return type.optional->reset(value);
    case Kind::kVoid:
    case Kind::kGenerated:
      return;
    default:  // numbers, bool, enums: all bits zero
      std::memset(value, 0, type.size);
  }
}

}  // namespace fairlead::contract
