#include "fairlead/contract/service.h"

#include <algorithm>

namespace fairlead::contract {

const MethodInfo* ServiceInfo::find(std::string_view method) const {
  const auto found = std::ranges::find(methods, method, &MethodInfo::name);
  return found == methods.end() ? nullptr : &*found;
}

std::string snake_case(std::string_view name) {
  const auto upper = [&](std::size_t i) { return name[i] >= 'A' && name[i] <= 'Z'; };
  const auto lower = [&](std::size_t i) { return name[i] >= 'a' && name[i] <= 'z'; };
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!upper(i)) {
      out += name[i];
      continue;
    }
    const bool after_word = i > 0 && !upper(i - 1) && name[i - 1] != '_';
    const bool ends_capitals = i > 0 && upper(i - 1) && i + 1 < name.size() && lower(i + 1);
    if (after_word || ends_capitals) out += '_';
    out += static_cast<char>(name[i] - 'A' + 'a');
  }
  return out;
}

namespace internal {

ServiceInfo finish(ServiceInfo service) {
  const std::string own = "/" + snake_case(service.name) + "/";
  for (MethodInfo& method : service.methods) {
    if (method.path.empty()) method.path = own + method.name;
    method.path.insert(0, service.mount);
  }
  return service;
}

}  // namespace internal
}  // namespace fairlead::contract
