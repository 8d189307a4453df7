#include "fairlead/http/metrics.h"

#include <string_view>

namespace fairlead::http {

Result<Metrics> Metrics::make(observe::Registry& registry) {
  struct Entry {
    observe::Counter Metrics::* member;
    std::string_view name;
    std::string_view help;
  };
  constexpr Entry kEntries[] = {
      {&Metrics::connections_accepted, "fairlead_http_connections_accepted_total",
       "Connections that servers took."},
      {&Metrics::connections_refused, "fairlead_http_connections_refused_total",
       "Connections closed at once: over the limit, or while closing."},
      {&Metrics::requests_received, "fairlead_http_requests_received_total",
       "Requests given to a handler."},
      {&Metrics::requests_refused, "fairlead_http_requests_refused_total",
       "Requests that broke a rule or a limit and reached no handler."},
      {&Metrics::requests_failed, "fairlead_http_requests_failed_total",
       "Requests answered with a status of 500 or above."},
      {&Metrics::client_requests_sent, "fairlead_http_client_requests_sent_total",
       "Requests that this process began to send."},
      {&Metrics::client_requests_failed, "fairlead_http_client_requests_failed_total",
       "Requests that got no response."},
      {&Metrics::client_requests_resent, "fairlead_http_client_requests_resent_total",
       "Requests sent once more because a kept connection was stale."},
      {&Metrics::client_connections_opened, "fairlead_http_client_connections_opened_total",
       "Connections that clients opened."},
  };
  Metrics metrics;
  for (const Entry& entry : kEntries) {
    FL_TRY_ASSIGN(metrics.*entry.member, registry.counter({entry.name, entry.help}));
  }
  FL_TRY_ASSIGN(metrics.connections_open,
                registry.gauge({"fairlead_http_connections_open", "Connections of servers now."}));
  FL_TRY_ASSIGN(metrics.request_seconds,
                registry.histogram(
                    {"fairlead_http_request_seconds", "Time from a whole request to its answer."},
                    observe::Unit::kSeconds));
  return metrics;
}

}  // namespace fairlead::http
