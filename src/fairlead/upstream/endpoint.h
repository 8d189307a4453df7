// Endpoint: one living copy of a service, as its callers know it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/address.h"

namespace fairlead::upstream {

struct Endpoint {
  std::string id{};  // unique among the copies of the service
  io::Address address{};
};

// The copies at one moment; a new set replaces the old one as a whole.
using EndpointSet = std::vector<Endpoint>;
using EndpointSnapshot = std::shared_ptr<const EndpointSet>;

// "127.0.0.1:9090,unix:/run/b.sock" as a set, for callers without a registry.
// Errors: kBadMessage `address.bad`.
Result<EndpointSnapshot> parse_endpoints(std::string_view text);

// Names of services: 1 to 100 of a-z 0-9 _ - and dots, beginning with a letter.
// Errors: kBadMessage `service.bad_name`.
Status check_service_name(std::string_view name);

}  // namespace fairlead::upstream
