#include "fairlead/upstream/endpoint.h"

#include <algorithm>

#include "fairlead/base/text.h"

namespace fairlead::upstream {

Result<EndpointSnapshot> parse_endpoints(std::string_view text) {
  auto set = std::make_shared<EndpointSet>();
  for (const std::string_view part : split(text, ',')) {
    FL_TRY_ASSIGN(io::Address address, io::Address::parse(trim(part)));
    set->push_back({.id = address.to_text(), .address = address});
  }
  return EndpointSnapshot(std::move(set));
}

Status check_service_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  if (!name.empty() && name.size() <= 100 && name.front() >= 'a' && name.front() <= 'z' &&
      std::ranges::all_of(name, fits)) {
    return {};
  }
  return Status(Code::kBadMessage, "service.bad_name",
                "'" + escape_text(name, 110) +
                    "' is no name of a service; use 1 to 100 of a-z 0-9 _ - . and begin with a "
                    "letter");
}

}  // namespace fairlead::upstream
