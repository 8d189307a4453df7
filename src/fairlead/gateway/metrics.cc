#include "fairlead/gateway/metrics.h"

#include <algorithm>

namespace fairlead::gateway::internal {

namespace {

constexpr int kBusinessStatus = 299;
constexpr std::array<std::string_view, 6> kClassNames = {"business", "1xx", "2xx",
                                                         "3xx",      "4xx", "5xx"};

}  // namespace

Result<RouteMetrics> RouteMetrics::make(observe::Registry& registry, std::string_view route) {
  RouteMetrics metrics;
  for (std::size_t i = 0; i < kClasses; ++i) {
    FL_TRY_ASSIGN(metrics.requests_[i],
                  registry.counter({"fairlead_gateway_requests_total",
                                    "Requests answered, by route and class of status."},
                                   {{"route", route}, {"code_class", kClassNames[i]}}));
  }
  FL_TRY_ASSIGN(metrics.seconds_,
                registry.histogram({"fairlead_gateway_request_seconds",
                                    "Time from the whole request to its answer, by route."},
                                   observe::Unit::kSeconds, {{"route", route}}));
  return metrics;
}

void RouteMetrics::count(int http_status, Duration took) const {
  const std::size_t group =
      http_status == kBusinessStatus ? 0 : static_cast<std::size_t>(http_status / 100);
  requests_[std::min(group, kClasses - 1)].add(1);
  seconds_.record(took);
}

Result<Metrics> Metrics::make(observe::Registry& registry, const GatewaySpec& spec) {
  Metrics metrics;
  for (const RouteSpec& route : spec.routes) {
    FL_TRY_ASSIGN(RouteMetrics one, RouteMetrics::make(registry, route.prefix));
    metrics.routes.push_back(one);
  }
  FL_TRY_ASSIGN(metrics.unrouted, RouteMetrics::make(registry, "none"));
  return metrics;
}

}  // namespace fairlead::gateway::internal
