// The server's side of WebSocket's opening handshake, for a handler of http::Server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/http/message.h"
#include "fairlead/http/proto/websocket_deflate.h"
#include "fairlead/http/websocket.h"

namespace fairlead::http {

struct WebSocketAcceptOptions {
  std::vector<std::string> protocols{};  // known sub-protocols; the client's order counts
  // By default windows are forgotten after each message, so that an idle connection holds none.
  // nullopt: no compression.
  std::optional<proto::WebSocketDeflate> deflate =
      proto::WebSocketDeflate{.server_keeps_window = false, .client_keeps_window = false};
  // Whose pages may connect, as "https://shop.example". Always allowed: requests without Origin
  // (no browser sent them) and those of a page of this very host.
  std::vector<std::string> origins{};
  bool any_origin = false;
  std::shared_ptr<const WebSocketOptions> socket = std::make_shared<const WebSocketOptions>();
};

// Whether a browser's page of the request's Origin may connect.
// Errors: kForbidden `websocket.origin`.
Status check_websocket_origin(const Request& request, const WebSocketAcceptOptions& options);

// Gets the connection, to be started in this call.
using WebSocketOpened = std::function<void(std::unique_ptr<WebSocket> socket)>;

// The answer to `request`: 101, after whose head `opened` gets the connection, or a refusal as
// problem+json with the fields that it needs: 403 `websocket.origin`, and those of
// proto::check_websocket_request() (400, 405, 426). `core` is the server's.
Response accept_websocket(io::Core& core, const Request& request,
                          const WebSocketAcceptOptions& options, WebSocketOpened opened);

}  // namespace fairlead::http
