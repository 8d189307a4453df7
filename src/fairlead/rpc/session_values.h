// SessionValues: what a program remembers of the other side for as long as the connection lives,
// such as who logged in. Fields of contracts with from_session() are filled from here.
#pragma once

#include <algorithm>
#include <forward_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/status.h"

namespace fairlead::rpc {

// Thread: the session's core. Views live until the value changes or the session ends. Memory: every
// session has one and few have values, so it is a list, of one word while it is empty.
class SessionValues {
 public:
  static constexpr std::size_t kValuesMax = 64;

  // Errors: kLocalLimit `session.values` when kValuesMax other keys are taken.
  Status set(std::string_view key, std::string_view value) {
    const auto found = std::ranges::find(values_, key, &Value::first);
    if (found != values_.end()) {
      found->second = value;
      return Status();
    }
    if (static_cast<std::size_t>(std::ranges::distance(values_)) == kValuesMax) {
      return Status(Code::kLocalLimit, "session.values", "a session holds at most 64 values");
    }
    values_.emplace_front(key, value);
    return Status();
  }
  std::optional<std::string_view> get(std::string_view key) const {
    const auto found = std::ranges::find(values_, key, &Value::first);
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }
  void remove(std::string_view key) {
    values_.remove_if([key](const Value& value) { return value.first == key; });
  }
  void clear() { values_.clear(); }

 private:
  using Value = std::pair<std::string, std::string>;

  std::forward_list<Value> values_{};
};

}  // namespace fairlead::rpc
