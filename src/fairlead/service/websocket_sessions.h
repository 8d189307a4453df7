// WebSocketSessions: the sessions of one core that run over WebSocket connections.
//
//   request ─► handshake checked ─┬ no token to check ────────────────────────► 101, session
//                                 └ login: AUTH_CALL to the session ─► its reply ┬ OK ─► 101
//                                                                               └ else 401
#pragma once

#include <memory>
#include <string_view>

#include "fairlead/http/exchange.h"
#include "fairlead/http/websocket_hub.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/http_setting.h"

namespace fairlead::service::internal {

class Opening;

// Where the router has a login and the request brings a token (`Authorization: Bearer TOKEN`, else
// the query's `token`), the token is checked before the connection is opened, as the body of an
// AUTH_CALL that the session's own login sees. Without one the session begins with a login.
//
// Thread: the peer's core. Lifetime: outlives the http::Server of its exchanges; stop(), then the
// peer's close(), then close() must have completed before its destruction.
class WebSocketSessions {
 public:
  // Errors: those of http::WebSocketHub::make().
  static Result<std::unique_ptr<WebSocketSessions>> make(rpc::Peer& peer, const HttpSpec& setting,
                                                         http::WebSocketMetrics metrics);

  // Answers `exchange`, in this call or when the token is checked. `caller`: values for the
  // session.
  void open(http::Exchange& exchange, rpc::SessionValues caller);

  // The sizes of the peer's options by now, for connections that come from now on.
  void update();

  // Opens no more: requests are answered 503 `websocket.draining`.
  void stop() { hub_->stop(); }
  // Cuts off what is left when rpc::Peer::close() has ended the sessions, which say 1001.
  // Errors: those of http::WebSocketHub::close().
  Task<Status> close(Deadline deadline) { return hub_->close(deadline); }

 private:
  friend Opening;
  WebSocketSessions(rpc::Peer& peer, http::WebSocketMetrics metrics)
      : peer_(peer), metrics_(std::move(metrics)) {}
  std::shared_ptr<const http::WebSocketOptions> socket_options() const;

  rpc::Peer& peer_;
  const http::WebSocketMetrics metrics_;
  http::WebSocketAcceptOptions accept_;  // its `socket` is the hub's
  std::string default_protocol_;         // where the client names none
  std::unique_ptr<http::WebSocketHub> hub_;
};

}  // namespace fairlead::service::internal
