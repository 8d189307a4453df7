// What a gateway counts, by route.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/gateway/spec.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::gateway::internal {

// Handles of one route: copy freely.
//   fairlead_gateway_requests_total{route, code_class}   1xx..5xx, or business for 299
//   fairlead_gateway_request_seconds{route}
class RouteMetrics {
 public:
  // Errors: those of observe::Registry.
  static Result<RouteMetrics> make(observe::Registry& registry, std::string_view route);

  void count(int http_status, Duration took) const;

 private:
  static constexpr std::size_t kClasses = 6;

  std::array<observe::Counter, kClasses> requests_{};  // business, 1xx .. 5xx
  observe::Histogram seconds_{};
};

struct Metrics {
  std::vector<RouteMetrics> routes;  // in the order of the spec; label: the prefix
  RouteMetrics unrouted;             // label: "none"

  static Result<Metrics> make(observe::Registry& registry, const GatewaySpec& spec);
};

}  // namespace fairlead::gateway::internal
