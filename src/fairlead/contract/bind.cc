#include "fairlead/contract/bind.h"

#include "fairlead/base/result.h"
#include "fairlead/base/text.h"
#include "fairlead/contract/field_path.h"
#include "fairlead/contract/make_zero.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::contract {
namespace {

// "page (query "p"): wanted int32, got "x""
Status refused(const FieldInfo& field, const FieldPath& path, Status status) {
  if (field.secret) {
    const std::string what = "wanted " + std::string(field.type->name()) + ", got something else";
    status = Status(status.code(), status.reason(), what);
  }
  std::string place = path.to_string();
  place.append(" (").append(source_name(field.source)).append(" \"");
  place.append(escape_text(field.source_key, 64)).append("\")");
  return std::move(status).with_context(place);
}

Status bind_field(const FieldInfo& field, void* value, const FieldPath& path,
                  const Sources& sources) {
  const TypeInfo& type = *field.type;
  const bool list = type.kind == Kind::kList;
  std::vector<std::string> values;
  sources.find(field.source, field.source_key, list, values);
  if (values.empty()) {
    if (field.source == Source::kSession) make_zero(type, value);
    return Status();
  }
  if (list) type.list->clear(value);
  for (const std::string& text : values) {
    Status status = value_from_text(type, value, text);
    if (!status.ok()) return refused(field, path, std::move(status));
    if (!list) break;
  }
  return Status();
}

Status bind_fields(const StructInfo& structure, void* object, const FieldPath& path,
                   const Sources& sources) {
  for (const FieldInfo& field : structure.fields) {
    const FieldPath here(path, field.name);
    if (field.source != Source::kBody) {
      FL_TRY(bind_field(field, field.in(object), here, sources));
    } else if (field.type->kind == Kind::kStruct) {
      FL_TRY(bind_fields(*field.type->structure, field.in(object), here, sources));
    }
  }
  return Status();
}

}  // namespace

Status bind(const StructInfo& structure, void* object, const Sources& sources) {
  return structure.plain ? Status() : bind_fields(structure, object, FieldPath(), sources);
}

}  // namespace fairlead::contract
