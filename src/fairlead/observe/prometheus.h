// The Prometheus text exposition format, version 0.0.4, of a registry.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/observe/metrics.h"

namespace fairlead::observe {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// All metrics with HELP and TYPE lines, sorted. Times are in seconds. Every histogram shows all its
// buckets, also empty ones, so that sums over several processes stay right.
// Thread: any. Cost: a pass over all series; not for the request path.
std::string prometheus_text(const Registry& registry);

}  // namespace fairlead::observe
