#include "fairlead/http/proto/websocket_fault.h"

#include <array>

namespace fairlead::http::proto {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kInvalidData = 1007;
constexpr std::uint16_t kPolicyViolation = 1008;
constexpr std::uint16_t kMessageTooBig = 1009;
constexpr std::uint16_t kInternalError = 1011;

constexpr std::array<WebSocketFaultRow, kWebSocketFaultCount> kRows = {{
    {1000, "", ""},
    {kProtocolError, "websocket.bad_reserved_bits", "a reserved bit is set that nothing agreed on"},
    {kProtocolError, "websocket.bad_opcode", "the opcode is a reserved one"},
    {kProtocolError, "websocket.bad_length", "the length is not in its shortest form or too large"},
    {kProtocolError, "websocket.bad_control",
     "a control frame is one whole frame of at most 125 bytes"},
    {kProtocolError, "websocket.not_masked", "a client masks every frame"},
    {kProtocolError, "websocket.masked", "a server masks no frame"},
    {kProtocolError, "websocket.bad_sequence",
     "a fragment continues no message, or a message begins inside another"},
    {kProtocolError, "websocket.bad_close",
     "a close frame holds nothing, or a code that may be sent and a text"},
    {kInvalidData, "websocket.bad_deflate", "a compressed message does not inflate"},
    {kInvalidData, "websocket.bad_utf8", "text is not UTF-8"},
    {kPolicyViolation, "websocket.too_many_fragments",
     "a message has more fragments than the limit"},
    {kMessageTooBig, "websocket.too_big", "a message is larger than the limit"},
    {kMessageTooBig, "websocket.bomb", "a message inflates to too many times its size"},
    {kInternalError, "websocket.no_memory", "there is no memory to inflate a message"},
}};

bool is_limit(WebSocketFault fault) {
  return fault == WebSocketFault::kTooManyFragments || fault == WebSocketFault::kTooBig ||
         fault == WebSocketFault::kBomb;
}

}  // namespace

const WebSocketFaultRow& websocket_fault_row(WebSocketFault fault) {
  return kRows[static_cast<std::size_t>(fault)];
}

Status to_status(WebSocketFault fault) {
  if (fault == WebSocketFault::kNone) return {};
  const WebSocketFaultRow& row = websocket_fault_row(fault);
  if (fault == WebSocketFault::kNoMemory) return Status(Code::kInternal, row.reason, row.text);
  return Status(is_limit(fault) ? Code::kTooLarge : Code::kBadMessage, row.reason, row.text);
}

}  // namespace fairlead::http::proto
