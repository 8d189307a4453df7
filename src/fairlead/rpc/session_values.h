// SessionValues: what a program remembers of the other side for as long as the connection lives,
// such as who logged in. Fields of contracts with from_session() are filled from here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead::rpc {

// Thread: the session's core. Views live until the value changes or the session ends.
class SessionValues {
 public:
  static constexpr std::size_t kValuesMax = 64;

  // Errors: kLocalLimit `session.values` when kValuesMax other keys are taken.
  Status set(std::string_view key, std::string_view value) {
    const auto found = values_.find(key);
    if (found != values_.end()) {
      found->second = value;
      return Status();
    }
    if (values_.size() == kValuesMax) {
      return Status(Code::kLocalLimit, "session.values", "a session holds at most 64 values");
    }
    values_.emplace(key, value);
    return Status();
  }
  std::optional<std::string_view> get(std::string_view key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    return found->second;
  }
  void remove(std::string_view key) {
    const auto found = values_.find(key);
    if (found != values_.end()) values_.erase(found);
  }
  void clear() { values_.clear(); }

 private:
  std::map<std::string, std::string, std::less<>> values_{};
};

}  // namespace fairlead::rpc
