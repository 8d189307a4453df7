// The client's side of WebSocket's opening handshake.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/http/fields.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/websocket_deflate.h"
#include "fairlead/http/websocket.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

// What a server answered that refuses.
struct WebSocketRefusal {
  int status = 0;  // 400 .. 599; 0: it did not refuse
  std::string content_type{};
  std::string body{};  // up to 8 KiB, else empty
};

struct WebSocketConnectOptions {
  std::string authority{};               // Host; empty: the address
  std::string target = "/";              // escaped, with query
  Fields fields{};                       // more of them: Authorization, Cookie, Origin
  std::vector<std::string> protocols{};  // sub-protocols that are offered, best first
  std::optional<proto::WebSocketDeflate> deflate = proto::WebSocketDeflate{};  // nullopt: none
  proto::HeadLimits head{};                                                    // of the answer
  std::shared_ptr<const WebSocketOptions> socket = std::make_shared<const WebSocketOptions>();
  // Gets the refusal beside the Status, for callers that understand more of it; null: nobody does.
  // Lives until the task has ended.
  WebSocketRefusal* refusal = nullptr;
};

// Opens a connection to `address` and asks for a WebSocket. Call start() on what it gives.
// Errors: kDialFailed `dial.*`; those of open_websocket().
Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(io::Core& core, io::Address address,
                                                           WebSocketConnectOptions options,
                                                           Deadline deadline,
                                                           CancelToken cancel = {});

// Asks over a stream that was just opened: of a TlsStream for wss. Await it in the turn in which
// `stream` was made.
// Errors:
//   the HTTP status as code, `websocket.refused`: the server answered 400 to 599; the cause is the
//     body of its answer, up to 8 KiB
//   kBadGateway `websocket.not_switched`: another status; those of proto::check_websocket_reply();
//     a reason of proto/refusal.h; `http.too_many_interim`
//   kConnectionClosed `websocket.cut`, or the stream's: it ended before an answer
//   kBadMessage `websocket.bad_option`; kEncodeFailed `http.bad_field`, `http.bad_start_line`
//   kDeadlineExceeded `wait.deadline`, kCancelled `wait.cancelled`
Task<Result<std::unique_ptr<WebSocket>>> open_websocket(io::Core& core,
                                                        std::unique_ptr<io::Stream> stream,
                                                        WebSocketConnectOptions options,
                                                        Deadline deadline, CancelToken cancel = {});

}  // namespace fairlead::http
