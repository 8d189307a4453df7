#include "fairlead/http/websocket_deflate.h"

namespace fairlead::http {
namespace {

using proto::WebSocketFault;
using proto::WebSocketRole;

WebSocketFault fault_of(const Status& status) {
  if (status.ok()) return WebSocketFault::kNone;
  if (status.reason() == "compress.too_big") return WebSocketFault::kTooBig;
  if (status.reason() == "compress.bomb") return WebSocketFault::kBomb;
  if (status.reason() == "compress.bad_data") return WebSocketFault::kBadDeflate;
  return WebSocketFault::kNoMemory;
}

}  // namespace

WebSocketMessageInflater::WebSocketMessageInflater(int window_bits, bool keep_window,
                                                   std::size_t bytes_max, std::size_t ratio_max)
    : inflater_({.window_bits = window_bits,
                 .keep_window = keep_window,
                 .limits = {.bytes_max = bytes_max, .ratio_max = ratio_max}}) {}

WebSocketFault WebSocketMessageInflater::inflate(std::string_view piece, Buffer& output) {
  return fault_of(inflater_.inflate(piece, output));
}

WebSocketFault WebSocketMessageInflater::end_message(Buffer& output) {
  return fault_of(inflater_.end_message(output));
}

WebSocketDeflateState::WebSocketDeflateState(const proto::WebSocketDeflate& agreed,
                                             WebSocketRole role, std::size_t message_bytes_max,
                                             std::size_t ratio_max)
    : inflater_(
          role == WebSocketRole::kServer ? agreed.client_window_bits : agreed.server_window_bits,
          role == WebSocketRole::kServer ? agreed.client_keeps_window : agreed.server_keeps_window,
          message_bytes_max, ratio_max),
      deflater_({.window_bits = role == WebSocketRole::kServer ? agreed.server_window_bits
                                                               : agreed.client_window_bits,
                 .keep_window = role == WebSocketRole::kServer ? agreed.server_keeps_window
                                                               : agreed.client_keeps_window}),
      keeps_window_(role == WebSocketRole::kServer ? agreed.server_keeps_window
                                                   : agreed.client_keeps_window) {}

// With a window the peer must see every message that went into it, however little it shrank.
Result<bool> WebSocketDeflateState::deflate(std::string_view message, Buffer& packed) {
  FL_TRY(deflater_.deflate(message, packed));
  return keeps_window_ || packed.size() < message.size();
}

}  // namespace fairlead::http
