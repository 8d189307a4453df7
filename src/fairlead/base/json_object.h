// Writes JSON objects: the documents of pages, problems and --json.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace fairlead {

// Builds one object, member after member. Names are literals of ours, used once each.
//   JsonObject().text("name", name).number("cores", 2).str()
class JsonObject {
 public:
  // Whatever the bytes of `value`: see append_json_string().
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::integral auto value) {
    return raw(name, std::to_string(value));
  }
  JsonObject& boolean(std::string_view name, bool value);
  // `json` is a JSON value.
  JsonObject& raw(std::string_view name, std::string_view json);
  // A list of objects: `fill(item, object)` adds the members of each.
  template <class Items, class Fill>
  JsonObject& list(std::string_view name, const Items& items, Fill fill) {
    begin(name);
    out_ += '[';
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      JsonObject object;
      fill(item, object);
      out_ += object.str();
    }
    out_ += ']';
    return *this;
  }

  std::string str() const { return out_ + '}'; }

 private:
  void begin(std::string_view name);

  std::string out_ = "{";
};

}  // namespace fairlead
