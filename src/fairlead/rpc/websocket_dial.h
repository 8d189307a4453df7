// The dialling side of a session over WebSocket.
//
//   connection ─► TLS, for wss ─► dial_websocket(): GET, Upgrade, token ─► 101 ─► session
//                                                                       └─ a problem: its Status
#pragma once

#include <memory>
#include <string>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/http/websocket.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/websocket_stream.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::rpc {

// Where on a server WebSockets are opened.
struct WebSocketWay {
  std::string authority{};   // Host: "127.0.0.1:9090"; empty: the address
  std::string target = "/";  // path and query, escaped
};

// What is asked for, over a connection that exists.
struct WebSocketDial {
  WebSocketWay way{};
  std::string sub_protocol{};                              // the only one that is offered
  std::string token{};                                     // `Authorization: Bearer`; empty: none
  std::shared_ptr<const http::WebSocketOptions> socket{};  // not null
};

// The sub-protocol that carries `protocol` (null: raw): "raw", "json" or "pb".
// Errors: kInvalidOperation `dial.no_sub_protocol`: WebSocket does not carry it.
Result<std::string> sub_protocol_of(const wire::Protocol* protocol);

// Whether `login` is what a bearer token may be (RFC 6750 section 2.1), so that it goes with the
// handshake. Any other is the first message, as over TCP.
bool is_bearer_token(const Login& login);

// Asks over a stream that was just opened; await it in the turn in which that was made. Give the
// stream to a session in the turn in which it comes. Compression is not offered: bodies have
// transforms, and between services it costs more than it saves.
// Errors, all NOT_SENT: those of http::open_websocket(). A refusal in problem+json is the Status
// that it tells, of a login too: its code, reason and text.
Task<Result<std::unique_ptr<io::Stream>>> dial_websocket(io::Core& core,
                                                         std::unique_ptr<io::Stream> stream,
                                                         WebSocketDial dial, Deadline deadline,
                                                         CancelToken cancel);

// `socket`, which has not been started, as the stream of a session, whichever side it is of.
// `protocol`: of the session, as protocol_of_websocket() gives it.
std::unique_ptr<WebSocketStream> stream_over(io::Core& core,
                                             std::unique_ptr<http::WebSocket> socket,
                                             const wire::Protocol* protocol);

}  // namespace fairlead::rpc
