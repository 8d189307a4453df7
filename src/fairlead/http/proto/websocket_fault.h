// WebSocketFault: why a WebSocket connection fails, with its close code and its stable reason
// token.
//
// As with Refusal, the byte paths return this small number and allocate nothing; whoever closes the
// connection looks the row up once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead::http::proto {

enum class WebSocketFault : std::uint8_t {
  kNone,
  kBadReservedBits,
  kBadOpcode,
  kBadLength,
  kBadControl,
  kNotMasked,
  kMasked,
  kBadSequence,
  kBadClose,
  kBadDeflate,
  kBadUtf8,
  kTooManyFragments,
  kTooBig,
  kBomb,
  kNoMemory,
};
inline constexpr std::size_t kWebSocketFaultCount = 15;

// One row per fault.
struct WebSocketFaultRow {
  std::uint16_t close_code;  // what the close frame says (RFC 6455 section 7.4.1)
  std::string_view reason;   // stable token, "websocket.not_masked"
  std::string_view text;     // for people, names the rule
};

const WebSocketFaultRow& websocket_fault_row(WebSocketFault fault);

// The fault as a Status: kTooLarge for kTooManyFragments, kTooBig and kBomb, kInternal for
// kNoMemory, else kBadMessage, with the row's reason. OK for kNone.
Status to_status(WebSocketFault fault);

}  // namespace fairlead::http::proto
