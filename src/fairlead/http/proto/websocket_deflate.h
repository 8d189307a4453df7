// Sec-WebSocket-Extensions: the negotiation of permessage-deflate (RFC 7692 section 7.1).
//
//   permessage-deflate; server_no_context_takeover; client_max_window_bits=12, permessage-deflate
//   ^ one offer, with its parameters                                           ^ the next best one
#pragma once

#include <optional>
#include <string>

#include "fairlead/base/result.h"
#include "fairlead/http/proto/fields_view.h"

namespace fairlead::http::proto {

// What both sides keep to. A side that does not keep its window forgets it after each message.
struct WebSocketDeflate {
  int server_window_bits = 15;  // 9 .. 15; of what the server sends
  int client_window_bits = 15;  // 9 .. 15, or 8 when a client said so; of what the client sends
  bool server_keeps_window = true;
  bool client_keeps_window = true;

  bool operator==(const WebSocketDeflate&) const = default;
};

struct WebSocketDeflateChoice {
  WebSocketDeflate agreed;
  std::string answer;  // value of the server's Sec-WebSocket-Extensions
};

// A server's choice: the first offer in `fields` that can be kept, narrowed to `wanted`. nullopt:
// none is there. Not kept are offers with unknown, repeated or bad parameters, and those of a
// window of 8 bits for the server, which zlib cannot write. Other extensions are passed over. A
// client that does not offer to narrow its window keeps 15 bits. Errors: kBadMessage
// `websocket.bad_extension`: a field is malformed, or holds more than 32
//         extensions or 16 parameters of one.
Result<std::optional<WebSocketDeflateChoice>> choose_websocket_deflate(
    FieldsView fields, const WebSocketDeflate& wanted);

// The value of the field with which a client offers `wanted`.
std::string websocket_deflate_offer(const WebSocketDeflate& wanted);

// A client's look at the answer to its offer of `wanted` (nullopt: it made none). nullopt: the
// server does not deflate.
// Errors: kBadGateway `websocket.bad_extension`: an extension that was not offered, an answer that
//         does not keep to the offer, or a malformed field.
Result<std::optional<WebSocketDeflate>> read_websocket_deflate_answer(
    FieldsView fields, const std::optional<WebSocketDeflate>& wanted);

}  // namespace fairlead::http::proto
