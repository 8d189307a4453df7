// HttpFront: what stands behind HTTP on one core of a listener: calls, and sessions over WebSocket.
//
//   request ─┬ asks for a WebSocket ─► WebSocketHub ─► Session over it (WebSocketStream)
//            └ any other ───────────► rpc::HttpCalls ─► a session for that request
#pragma once

#include <memory>

#include "fairlead/http/exchange.h"
#include "fairlead/http/websocket_hub.h"
#include "fairlead/rpc/http_calls.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/network_spec.h"

namespace fairlead::service::internal {

// Thread: the peer's core. Lifetime: outlives its http::Server; close() and rpc::Peer::close() must
// have completed before its destruction.
class HttpFront final : public http::Responder {
 public:
  // Errors: those of http::WebSocketHub::make().
  static Result<std::unique_ptr<HttpFront>> make(rpc::Peer& peer, const ListenPlan& plan,
                                                 http::WebSocketMetrics metrics);

  Result<http::BodyPlan> plan(const http::Request& head) override;
  void respond(http::Exchange& exchange) override;

  // Sends the WebSockets away. Errors: those of http::WebSocketHub::close().
  Task<Status> close(Deadline deadline);

 private:
  HttpFront(rpc::Peer& peer, const ListenPlan& plan);
  http::Response open_websocket(const http::Request& request);

  rpc::Peer& peer_;
  const bool http_;
  std::unique_ptr<http::WebSocketHub> sockets_;  // null: not spoken
  rpc::HttpCalls calls_;
};

}  // namespace fairlead::service::internal
