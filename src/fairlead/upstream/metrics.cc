#include "fairlead/upstream/metrics.h"

namespace fairlead::upstream {

Result<Metrics> Metrics::make(observe::Registry& registry) {
  Metrics metrics;
  const observe::MetricInfo dials{"fairlead_upstream_dials_total",
                                  "Dials of sessions to other programs that ended."};
  FL_TRY_ASSIGN(metrics.dials_ok, registry.counter(dials, {{"result", "ok"}}));
  FL_TRY_ASSIGN(metrics.dials_failed, registry.counter(dials, {{"result", "failed"}}));
  FL_TRY_ASSIGN(metrics.redial_backoff,
                registry.histogram({"fairlead_upstream_redial_backoff_seconds",
                                    "Rests before a dial, as they were drawn."},
                                   observe::Unit::kSeconds));
  for (std::size_t i = 0; i < metrics.endpoints.size(); ++i) {
    FL_TRY_ASSIGN(metrics.endpoints[i],
                  registry.gauge({"fairlead_upstream_endpoint_state",
                                  "Links to endpoints by state, of all cores."},
                                 {{"state", to_text(static_cast<Redial::State>(i))}}));
  }
  return metrics;
}

}  // namespace fairlead::upstream
