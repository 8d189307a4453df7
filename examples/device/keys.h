// Keys: who may log in, and with what.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include <fairlead/fairlead.h>

// Read once; constant from then on, so any thread may ask. A login's text is "NAME:KEY".
class Keys {
 public:
  // A file with a line "NAME KEY" for each device, and one for the operator. Empty if it cannot be
  // read: then nobody may log in.
  static Keys read(const std::string& path) {
    Keys keys;
    std::ifstream file(path);
    for (std::string name, key; file >> name >> key;) keys.of_[name] = key;
    return keys;
  }

  bool knows(const std::string& name) const { return of_.contains(name); }
  bool empty() const { return of_.empty(); }

  // The name in `login`. Errors: kForbidden `fleet.bad_login`, the same for a wrong name and key.
  fl::Result<std::string> check(std::string_view login) const {
    const std::size_t colon = login.find(':');
    const std::string name(login.substr(0, colon));
    const auto found = of_.find(name);
    const std::string_view key =
        colon == std::string_view::npos ? std::string_view() : login.substr(colon + 1);
    if (found == of_.end() || !same(found->second, key)) {
      return fl::Status(fl::Code::kForbidden, "fleet.bad_login", "no such name and key");
    }
    return name;
  }

 private:
  // Takes as long for a key that begins well as for any other.
  static bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    int differs = 0;
    for (std::size_t i = 0; i < a.size(); ++i) differs |= a[i] ^ b[i];
    return differs == 0;
  }

  std::map<std::string, std::string> of_;
};
