// The keys of a program's configuration, and which of them change while it runs.
//
// docs/reference/service.md explains them; a test holds both to the same keys and marks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::service {

// `key` as the page writes it: NAME stands for any name, 0 for any item of a list.
struct Setting {
  std::string_view key;
  bool live = false;    // counts when the configuration is read again; else at the next start
  bool secret = false;  // its value stands in no log
};

// To add a key: one line here, beside where spec.cc reads it.
std::span<const Setting> settings();

// What the table says of a value by its keys from the root on. A list stands for all of its items.
// Live: all rows that it concerns are; secret: one is. Unknown: neither.
Setting setting_of(const std::vector<std::string>& steps);

}  // namespace fairlead::service
