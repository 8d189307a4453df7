// JSON as text: a check for what comes from elsewhere, and objects for --json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::cli {

// True when `text` is one JSON value by RFC 8259 in UTF-8, nested at most 64 deep: it may stand
// inside a document of ours.
bool is_json(std::string_view text);

// Builds one object. Names are literals of ours.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::int64_t value);
  JsonObject& boolean(std::string_view name, bool value);
  // `json` is a JSON value.
  JsonObject& raw(std::string_view name, std::string_view json);
  std::string str() const { return out_ + "}"; }

 private:
  void name(std::string_view name);

  std::string out_ = "{";
};

// `text` as a JSON string; when it is not UTF-8, its bytes above ASCII read \xNN.
std::string json_string(std::string_view text);

}  // namespace fairlead::cli
