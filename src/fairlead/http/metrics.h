// Metrics of a process's HTTP servers and clients.
#pragma once

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::http {

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_http_<member>_total, but
// fairlead_http_connections_open and fairlead_http_request_seconds.
struct Metrics {
  // Server.
  observe::Counter connections_accepted{};
  observe::Counter connections_refused{};  // over the limit, or while closing
  observe::Gauge connections_open{};
  observe::Counter requests_received{};  // given to a handler
  observe::Counter requests_refused{};   // answered by the server itself: 4xx, 501, 505
  observe::Counter requests_failed{};    // answered with 500 or above
  observe::Histogram request_seconds{};  // from the whole request to its answer
  // Client.
  observe::Counter client_requests_sent{};
  observe::Counter client_requests_failed{};  // no response, for whatever reason
  observe::Counter client_requests_resent{};  // over a fresh connection, after a stale one
  observe::Counter client_connections_opened{};

  // Errors: those of observe::Registry::counter().
  static Result<Metrics> make(observe::Registry& registry);
};

}  // namespace fairlead::http
