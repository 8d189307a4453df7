// JSON as text: a check for what comes from elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::cli {

// True when `text` is one JSON value by RFC 8259 in UTF-8, nested at most 64 deep: it may stand
// inside a document of ours.
bool is_json(std::string_view text);

// `text` as a JSON string; when it is not UTF-8, its bytes above ASCII read \xNN.
std::string json_string(std::string_view text);

}  // namespace fairlead::cli
