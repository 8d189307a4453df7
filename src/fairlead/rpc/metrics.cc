#include "fairlead/rpc/metrics.h"

#include <string>

namespace fairlead::rpc {

Result<Metrics> Metrics::make(observe::Registry& registry) {
  struct Entry {
    observe::Counter Metrics::* member;
    std::string_view name;
    std::string_view help;
  };
  constexpr Entry kEntries[] = {
      {&Metrics::sessions_opened, "fairlead_rpc_sessions_opened_total", "Sessions that began."},
      {&Metrics::sessions_closed, "fairlead_rpc_sessions_closed_total", "Sessions that ended."},
      {&Metrics::calls_sent, "fairlead_rpc_calls_sent_total", "Calls that this process sent."},
      {&Metrics::calls_timed_out, "fairlead_rpc_calls_timed_out_total",
       "Calls sent whose deadline passed without a reply."},
      {&Metrics::calls_received, "fairlead_rpc_calls_received_total", "Calls that came in."},
      {&Metrics::calls_failed, "fairlead_rpc_calls_failed_total",
       "Calls that a handler answered with an error."},
      {&Metrics::calls_refused, "fairlead_rpc_calls_refused_total",
       "Calls answered with an error before any handler ran."},
      {&Metrics::calls_cancelled, "fairlead_rpc_calls_cancelled_total",
       "Calls given up by their callers while a handler worked on them."},
      {&Metrics::pushes_sent, "fairlead_rpc_pushes_sent_total", "Pushes that this process sent."},
      {&Metrics::pushes_received, "fairlead_rpc_pushes_received_total", "Pushes that came in."},
      {&Metrics::pushes_failed, "fairlead_rpc_pushes_failed_total",
       "Pushes without a route, or whose handler failed."},
      {&Metrics::replies_late, "fairlead_rpc_replies_late_total",
       "Replies that nobody waited for any more."},
      {&Metrics::protocol_errors, "fairlead_rpc_protocol_errors_total",
       "Connections closed because of bytes that are no frame."},
      {&Metrics::logins_refused, "fairlead_rpc_logins_refused_total",
       "Sessions closed because their login was refused, late or missing."},
  };
  Metrics metrics;
  for (const Entry& entry : kEntries) {
    FL_TRY_ASSIGN(metrics.*entry.member, registry.counter({entry.name, entry.help}));
  }
  return metrics;
}

}  // namespace fairlead::rpc
