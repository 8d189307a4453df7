#include "fairlead/base/json_object.h"

#include "fairlead/base/text.h"

namespace fairlead {

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  begin(name);
  append_json_string(out_, value);
  return *this;
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
  return raw(name, value ? "true" : "false");
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  begin(name);
  out_ += json;
  return *this;
}

void JsonObject::begin(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_.append("\"").append(name).append("\":");
}

}  // namespace fairlead
