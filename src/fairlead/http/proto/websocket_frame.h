// Frames of WebSocket (RFC 6455 section 5.2): their heads, read and written, and the masking.
//
//   | last:1 | compressed:1 | 0:2 | opcode:4 | masked:1 | length:7 | 0, 2 or 8 bytes | mask: 0 or 4
//   |
//
// A length below 126 stands in its 7 bits; 126 there means that two bytes follow, 127 that eight
// do, big-endian. `compressed` is RSV1, to which RFC 7692 gave that meaning.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/websocket_fault.h"

namespace fairlead::http::proto {

inline constexpr std::size_t kWebSocketHeadBytesMax = 14;
inline constexpr std::size_t kWebSocketControlBytesMax = 125;

enum class WebSocketOpcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};
constexpr bool is_control(WebSocketOpcode opcode) { return opcode >= WebSocketOpcode::kClose; }
// What the first byte of a head says; it may be none of the above.
constexpr WebSocketOpcode websocket_opcode(char first) {
  return static_cast<WebSocketOpcode>(static_cast<unsigned char>(first) & 0x0FU);
}

// Which end of the connection this side is. A client masks what it sends, a server does not.
enum class WebSocketRole : std::uint8_t { kServer, kClient };

using WebSocketMask = std::array<char, 4>;

struct WebSocketFrameHead {
  WebSocketOpcode opcode = WebSocketOpcode::kBinary;
  bool last = true;         // no fragment follows
  bool compressed = false;  // first frame of a message that permessage-deflate packed
  std::optional<WebSocketMask> mask = std::nullopt;
  std::uint64_t payload_bytes = 0;  // < 2^63
};

struct WebSocketHeadResult {
  ParseState state = ParseState::kNeedMore;
  WebSocketFault fault = WebSocketFault::kNone;  // of kRefused
  std::size_t bytes = 0;                         // of the head; of kDone
  WebSocketFrameHead head;                       // of kDone
};

// Reads the frame head at the front of `input`, as the side `role`. What is wrong is told as soon
// as its byte is there. `may_compress`: permessage-deflate was agreed on.
// Faults: kBadReservedBits (a set RSV bit; RSV1 only without `may_compress` or on a frame that does
// not begin a message), kBadOpcode, kBadLength, kBadControl, kNotMasked, kMasked.
WebSocketHeadResult read_websocket_head(std::string_view input, WebSocketRole role,
                                        bool may_compress);

// Appends `head` in its shortest form. A control frame is `last`, not `compressed` and has at most
// kWebSocketControlBytesMax bytes.
void write_websocket_head(const WebSocketFrameHead& head, Buffer& out);

// Appends a whole frame: `head` with the size of `payload`, and the payload, masked if head.mask is
// there. A client draws a new mask for each frame from a source that cannot be foretold.
void write_websocket_frame(WebSocketFrameHead head, std::string_view payload, Buffer& out);

// Masks, or unmasks, `from` into `to`, which has as many bytes and may be the same memory.
// `offset`: how many bytes of the payload came before.
// Cost: 16 bytes at a time, the last ones one by one.
void apply_websocket_mask(WebSocketMask mask, std::uint64_t offset, std::string_view from,
                          char* to);

// Whether a close frame may carry this code (RFC 6455 section 7.4): what the registry of close
// codes assigns for the wire, 1000 to 1014 but 1004 to 1006, and 3000 to 4999.
bool is_websocket_close_code(std::uint16_t code);

// Appends a close frame. `code`: 0 for none, else is_websocket_close_code(). `text` is UTF-8; more
// than 123 bytes of it are cut at a character's end.
void write_websocket_close(std::uint16_t code, std::string_view text,
                           std::optional<WebSocketMask> mask, Buffer& out);

}  // namespace fairlead::http::proto
