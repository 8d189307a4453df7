// HttpFront: what stands behind HTTP on one core of a listener: calls, and sessions over WebSocket.
//
//   request ─┬ asks for a WebSocket ─► WebSocketSessions ─► a session over it
//            └ any other ───────────► rpc::HttpCalls ─► a session for that request
#pragma once

#include <memory>

#include "fairlead/http/exchange.h"
#include "fairlead/rpc/http_calls.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/http_setting.h"
#include "fairlead/service/network_spec.h"
#include "fairlead/service/websocket_sessions.h"

namespace fairlead::service::internal {

// Thread: the peer's core. Lifetime: outlives its http::Server; stop(), then rpc::Peer::close(),
// then close() must have completed before its destruction.
class HttpFront final : public http::Responder {
 public:
  // Errors: those of WebSocketSessions::make().
  static Result<std::unique_ptr<HttpFront>> make(rpc::Peer& peer, const ListenPlan& plan,
                                                 const HttpSpec& setting,
                                                 http::WebSocketMetrics metrics);

  Result<http::BodyPlan> plan(const http::Request& head) override;
  void respond(http::Exchange& exchange) override;

  // The sizes of the peer's options by now, for WebSockets that come from now on.
  void update();

  // Opens no more WebSockets; those that are open are sent away by the peer's close().
  void stop();
  // After that: ends what is left of them. Errors: those of http::WebSocketHub::close().
  Task<Status> close(Deadline deadline);

 private:
  HttpFront(rpc::Peer& peer, const ListenPlan& plan, const HttpSpec& setting);
  rpc::HttpCallsOptions calls_options(const HttpSpec& setting);

  rpc::Peer& peer_;
  const bool http_;
  const bool tls_;                              // clients may have certificates
  std::unique_ptr<WebSocketSessions> sockets_;  // null: not spoken
  const http::Exchange* asking_ = nullptr;      // whose request is given to calls_
  rpc::HttpCalls calls_;
};

}  // namespace fairlead::service::internal
