#include "fairlead/http/websocket_metrics.h"

#include <string_view>

namespace fairlead::http {

Result<WebSocketMetrics> WebSocketMetrics::make(observe::Registry& registry) {
  struct Entry {
    observe::Counter WebSocketMetrics::* member;
    std::string_view name;
    std::string_view help;
  };
  constexpr Entry kEntries[] = {
      {&WebSocketMetrics::handshakes_refused, "fairlead_http_websocket_handshakes_refused_total",
       "Requests for a WebSocket that got none."},
      {&WebSocketMetrics::messages_received, "fairlead_http_websocket_messages_received_total",
       "Messages that came over WebSockets."},
      {&WebSocketMetrics::messages_sent, "fairlead_http_websocket_messages_sent_total",
       "Messages sent over WebSockets."},
      {&WebSocketMetrics::messages_refused, "fairlead_http_websocket_messages_refused_total",
       "Messages not sent because the peer takes too little."},
      {&WebSocketMetrics::pings_unanswered, "fairlead_http_websocket_pings_unanswered_total",
       "Pings that were followed by nothing until the next was due."},
      {&WebSocketMetrics::closed_normally, "fairlead_http_websocket_closed_normally_total",
       "WebSockets closed with 1000, 1001 or no code."},
      {&WebSocketMetrics::closed_by_peer, "fairlead_http_websocket_closed_by_peer_total",
       "WebSockets that the peer closed with another code."},
      {&WebSocketMetrics::closed_for_fault, "fairlead_http_websocket_closed_for_fault_total",
       "WebSockets closed because the peer broke a rule or a limit."},
      {&WebSocketMetrics::closed_lost, "fairlead_http_websocket_closed_lost_total",
       "WebSockets that ended without a closing handshake."},
  };
  WebSocketMetrics metrics;
  for (const Entry& entry : kEntries) {
    FL_TRY_ASSIGN(metrics.*entry.member, registry.counter({entry.name, entry.help}));
  }
  FL_TRY_ASSIGN(metrics.connections_open,
                registry.gauge(
                    {"fairlead_http_websocket_connections_open", "WebSockets that are open now."}));
  return metrics;
}

}  // namespace fairlead::http
