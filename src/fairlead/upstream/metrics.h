// Metrics of a process's links to the endpoints of the services that it calls.
#pragma once

#include <array>
#include <cstdint>

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/upstream/redial.h"

namespace fairlead::upstream {

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_upstream_..., metrics.cc.
struct Metrics {
  observe::Counter dials_ok{};
  observe::Counter dials_failed{};
  observe::Histogram redial_backoff{};
  std::array<observe::Gauge, static_cast<std::size_t>(Redial::State::kCount)> endpoints{};

  void count(Redial::State state, std::int64_t delta) const {
    endpoints[static_cast<std::size_t>(state)].add(delta);
  }

  // Errors: those of observe::Registry.
  static Result<Metrics> make(observe::Registry& registry);
};

}  // namespace fairlead::upstream
