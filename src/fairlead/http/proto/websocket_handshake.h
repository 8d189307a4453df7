// The opening handshake of WebSocket (RFC 6455 section 4), of a server and of a client.
//
//   client: write_websocket_request ──► server: check_websocket_request ──► give_websocket_accept
//   client: check_websocket_reply  ◄──────────────────┘   └──► a Status, and its fields
//
// Origin, cookies and credentials are the business of whoever serves the request.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/http/proto/fields_view.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/websocket_deflate.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http::proto {

struct WebSocketServerOptions {
  std::vector<std::string> protocols = {};                       // known sub-protocols, tokens
  std::optional<WebSocketDeflate> deflate = WebSocketDeflate{};  // nullopt: none
};

// What a server agrees to.
struct WebSocketAccept {
  std::string key_answer;  // value of Sec-WebSocket-Accept
  std::string protocol;    // the first that the client names and the server knows; empty: none
  std::optional<WebSocketDeflateChoice> deflate;
};

// Whether Upgrade and Connection ask for it, also in lists. A request that does not is any other.
bool asks_for_websocket(FieldsView fields);

// Whether a request of HTTP/1.`minor`, whose framing was checked, asks for a WebSocket as it
// should. Errors, each with its HTTP status as code:
//   405 `websocket.method`         not GET
//   426 `websocket.no_upgrade`     Upgrade or Connection do not ask for "websocket"
//   426 `websocket.version`        Sec-WebSocket-Version is a number but not 13
//   400 `websocket.bad_version`    it is missing, there twice or no number; or the request is of
//                                  HTTP/1.0
//   400 `websocket.bad_key`        Sec-WebSocket-Key is not, once, 16 bytes of base64
//   400 `websocket.has_body`       the bytes behind the head would be two things at once
//   400 `websocket.bad_protocol`   Sec-WebSocket-Protocol is no list of tokens
//   400 `websocket.bad_extension`  as choose_websocket_deflate()
Result<WebSocketAccept> check_websocket_request(std::string_view method, int minor,
                                                FieldsView fields,
                                                const WebSocketServerOptions& options);

// Gives the fields of the 101 answer.
void give_websocket_accept(const WebSocketAccept& accept, const FieldSink& sink);

// Gives the fields that a refusal of check_websocket_request() needs: Allow of a 405; Upgrade,
// Connection and Sec-WebSocket-Version of a 426; none of a 400.
void give_websocket_refusal_fields(const Status& refusal, const FieldSink& sink);

// What a client asks for.
struct WebSocketRequest {
  std::string host;          // value of Host
  std::string target = "/";  // path and query
  std::string key;           // websocket_key() of 16 random bytes, new for each request
  std::vector<std::string> protocols = {};                       // best first
  std::optional<WebSocketDeflate> deflate = WebSocketDeflate{};  // nullopt: none is offered
};

std::string websocket_key(const std::array<char, 16>& random_bytes);

// Writes the head of the request up to finish(), which is the caller's; other fields may follow.
void write_websocket_request(const WebSocketRequest& request, HeadWriter& writer);

struct WebSocketReply {
  std::string protocol;  // empty: the server chose none
  std::optional<WebSocketDeflate> deflate;
};

// Whether the answer to `request` opens the connection.
// Errors, all kBadGateway: `websocket.not_switched` (not 101), `websocket.no_upgrade`,
// `websocket.bad_accept` (not the answer to the key), `websocket.bad_protocol` (one that was not
// asked for, or several), `websocket.bad_extension`.
Result<WebSocketReply> check_websocket_reply(const ResponseHead& head, FieldsView fields,
                                             const WebSocketRequest& request);

}  // namespace fairlead::http::proto
