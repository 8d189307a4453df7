// WebSocketReader: messages out of the bytes of a WebSocket connection (RFC 6455, RFC 7692).
//
//   HEAD ──► PAYLOAD ──► frame ends ──► HEAD ...      a step for each ping, pong and whole message
//     │         │            └── close frame ──► CLOSED: what follows is ignored
//     └─────────┴── a fault ──► fault() says which; every further step is kFailed
//
// Ping, pong and close may come between the fragments of a message and are told at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/http/proto/utf8_checker.h"
#include "fairlead/http/proto/websocket_fault.h"
#include "fairlead/http/proto/websocket_frame.h"

namespace fairlead::http::proto {

// What undoes permessage-deflate. This room links no library, so its user brings the one that was
// agreed on in the handshake; compress::MessageInflater does all of the work.
class WebSocketInflater {
 public:
  virtual ~WebSocketInflater() = default;
  // Appends what `piece` of the current message inflates to onto `output`; at most one byte more
  // than message_bytes_max of the reader in a message. Faults: kBadDeflate, kTooBig, kBomb,
  // kNoMemory.
  virtual WebSocketFault inflate(std::string_view piece, Buffer& output) = 0;
  // The current message has no more bytes: appends the rest. Faults: as inflate().
  virtual WebSocketFault end_message(Buffer& output) = 0;
};

struct WebSocketReaderOptions {
  WebSocketRole role = WebSocketRole::kServer;  // of this side
  std::size_t message_bytes_max = 1U << 20;     // of a whole message, inflated
  std::size_t fragments_max = 65536;            // frames of one message; at least 1
};

// Thread: one owner. Memory: the current message, none of it between messages.
// Cost: each byte is unmasked into the message once, and a text's bytes are looked at once more.
class WebSocketReader {
 public:
  enum class Event : std::uint8_t { kNeedMore, kMessage, kPing, kPong, kClose, kFailed };

  struct Step {
    Event event = Event::kNeedMore;
    std::size_t consumed = 0;  // bytes of the input that are done with
    bool text = false;         // of kMessage: UTF-8 text, else any bytes
    // Of kMessage; of kPing and kPong, up to 125 bytes; of kClose, the peer's text, UTF-8. Valid
    // until the next call of next().
    std::string_view payload;
    // Of kClose: the peer's code; nullopt when its frame held none (1005 in the RFC's terms).
    std::optional<std::uint16_t> close_code;
  };

  // `inflater`: null when permessage-deflate was not agreed on; borrowed.
  explicit WebSocketReader(WebSocketReaderOptions options, WebSocketInflater* inflater = nullptr)
      : options_(options), inflater_(inflater) {}

  // Reads on at the front of `input` until there is something to tell, or no byte is left but those
  // of a cut head (at most 13). Call again with what follows `consumed`, and with more of it after
  // kNeedMore. After kClose every byte is consumed and ignored.
  // Faults in fault(), after kFailed: those of read_websocket_head(); kBadSequence, kBadClose (its
  // code), kBadUtf8 (a text, or that of a close frame), kTooBig (told at a frame's head, before its
  // payload; compressed ones: as soon as they are), kTooManyFragments, and those of the inflater.
  Step next(std::string_view input);

  WebSocketFault fault() const { return fault_; }

  // After kNeedMore: whether a message has begun whose end is not here, and how many bytes of it
  // have come, as they came: packed ones, without heads of frames.
  bool in_message() const { return in_message_; }
  std::uint64_t message_bytes_read() const;

 private:
  enum class State : std::uint8_t { kHead, kPayload, kClosed };

  WebSocketFault begin_frame(const WebSocketFrameHead& head);
  WebSocketFault begin_data_frame(const WebSocketFrameHead& head);
  WebSocketFault take_payload(std::string_view masked);
  WebSocketFault inflate_payload(std::string_view masked);
  WebSocketFault check_message();
  WebSocketFault end_frame(Step& step);
  WebSocketFault end_message(Step& step);
  WebSocketFault end_close(Step& step);
  void unmask(std::string_view masked, char* to) const;
  void forget_message();

  const WebSocketReaderOptions options_;
  WebSocketInflater* const inflater_;
  State state_ = State::kHead;
  WebSocketFault fault_ = WebSocketFault::kNone;

  // The frame that is being read.
  WebSocketFrameHead frame_;
  std::uint64_t frame_read_ = 0;                         // bytes of its payload that were taken
  std::array<char, kWebSocketControlBytesMax> control_;  // payload of a control frame

  // The message that is being read, over its frames.
  bool in_message_ = false;
  bool message_told_ = false;  // its view was given out; gone with the next call
  bool text_ = false;
  bool compressed_ = false;
  std::size_t fragments_ = 0;
  std::uint64_t packed_bytes_ = 0;  // payload bytes of a compressed message
  std::size_t checked_bytes_ = 0;   // of message_, which utf8_ has seen
  Utf8Checker utf8_;
  Buffer message_;
};

}  // namespace fairlead::http::proto
