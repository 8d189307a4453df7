// What differs between two documents, value by value: what a program that reads its configuration
// again has to do something about.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fairlead/config/document.h"

namespace fairlead::config {

// One value that is not what it was. A list is one value, with all that is in it.
struct Change {
  std::vector<std::string> steps{};  // the keys from the root on; a key may hold dots
  std::string before{};              // as it was written; empty: nothing was
  std::string after{};

  std::string path() const;  // "limits.call_timeout"
};

// In the order of the keys. What only looks different, as 1s and 1000ms do, counts as changed; a
// null counts as not written. Cost: both documents are written out once.
std::vector<Change> changes(const Document& before, const Document& after);

// What counts in a program that runs: `in_use`, with those values of `written` that `is_live` lets
// count now. By their keys, as in Change.
struct Merged {
  Document document;
  std::vector<Change> live;      // were taken over
  std::vector<Change> at_start;  // were not
};
Merged merge(const Document& in_use, const Document& written,
             const std::function<bool(const std::vector<std::string>& steps)>& is_live);

}  // namespace fairlead::config
