// Metrics of a process's WebSockets, servers' and clients'.
#pragma once

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::http {

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_http_websocket_<member>,
// and _total behind a counter's.
struct WebSocketMetrics {
  observe::Gauge connections_open{};
  observe::Counter handshakes_refused{};  // by a hub, whatever the reason
  observe::Counter messages_received{};
  observe::Counter messages_sent{};
  observe::Counter messages_refused{};  // the queue was full
  observe::Counter pings_unanswered{};
  // Each connection ends in one of these.
  observe::Counter closed_normally{};  // closing handshake with 1000, 1001 or no code
  observe::Counter closed_by_peer{};   // the peer's close said something else
  observe::Counter
      closed_for_fault{};          // the peer broke a rule or a limit: 1002, 1007 to 1009, 1011
  observe::Counter closed_lost{};  // no closing handshake: cut, timed out, aborted

  // Errors: those of observe::Registry::counter().
  static Result<WebSocketMetrics> make(observe::Registry& registry);
};

}  // namespace fairlead::http
