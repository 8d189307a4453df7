// Problems: everything that is wrong with a document, so that one run reports it all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/config/value.h"

namespace fairlead::config {

inline constexpr std::size_t kProblemsShownMax = 50;  // more are counted, not shown

// Collects problems; status() carries code and reason of the first and the texts of all, one a
// line, in the order in which they were found.
class Problems {
 public:
  // `text` gets the place in front. It says what is wrong and what to do.
  void add(const Place& place, std::string_view reason, std::string_view text);
  // Takes over what another reader found; no effect when `status` is OK.
  void add(const Status& status);

  bool empty() const { return first_.ok(); }
  Status status() const;

 private:
  Status first_;
  std::vector<std::string> lines_;
  std::size_t hidden_ = 0;
};

}  // namespace fairlead::config
