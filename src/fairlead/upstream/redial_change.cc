#include "fairlead/upstream/redial_change.h"

#include <chrono>
#include <string>

namespace fairlead::upstream {

void tell_change(const Redial& redial, const RedialChange& change, Time now, const Metrics& metrics,
                 observe::Transitions* transitions) {
  const Redial::State after = redial.state();
  metrics.count(change.before, -1);
  metrics.count(after, 1);
  const Duration wait = redial.wait_left(now);
  if (wait > Duration::zero()) metrics.redial_backoff.record(wait);
  const std::string evidence =
      "failures " + std::to_string(redial.failures()) + ", wait " +
      fairlead::to_text(std::chrono::duration_cast<std::chrono::milliseconds>(wait));
  const bool usual = !Redial::is_trouble(change.before) && !Redial::is_trouble(after);
  observe::tell(transitions, usual ? observe::LogLevel::kDebug : observe::LogLevel::kInfo,
                {.event = change.event,
                 .name = change.name,
                 .from = to_text(change.before),
                 .to = to_text(after),
                 .reason = change.reason,
                 .evidence = evidence});
}

}  // namespace fairlead::upstream
