// WebSocket: one open connection of either side (RFC 6455), and who handles its messages.
//
//   OPEN ── close() ──► CLOSING ── the peer's close ──► ENDING ── stream closed ──► on_close()
//     ├── the peer's close: answered ──────────────────────▲
//     └── a fault, no answer to pings, end of the peer's bytes, abort()
//
// The server ends the connection beneath, the client waits for that; whichever wait is too long
// ends in an abort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/result.h"
#include "fairlead/base/secure_random.h"
#include "fairlead/base/time.h"
#include "fairlead/http/proto/websocket_deflate.h"
#include "fairlead/http/proto/websocket_reader.h"
#include "fairlead/http/websocket_metrics.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

class WebSocket;
class WebSocketDeflateState;

// Close codes of RFC 6455 section 7.4.1 that this side sends or tells.
struct WebSocketCode {
  static constexpr std::uint16_t kNormal = 1000;
  static constexpr std::uint16_t kGoingAway = 1001;
  static constexpr std::uint16_t kProtocolError = 1002;
  static constexpr std::uint16_t kUnsupported = 1003;
  static constexpr std::uint16_t kNone = 1005;  // told only: the peer's close had no code
  static constexpr std::uint16_t kLost = 1006;  // told only: the peer sent no close
  static constexpr std::uint16_t kPolicy = 1008;
  static constexpr std::uint16_t kTooLarge = 1009;
  static constexpr std::uint16_t kInternal = 1011;
  static constexpr std::uint16_t kTryAgainLater = 1013;
};

struct WebSocketOptions {
  std::size_t message_bytes_max = std::size_t{1} << 20U;  // received, inflated; >= 1; 1009 beyond
  std::size_t fragments_max = 65536;                      // of a received message; 1008 beyond
  std::size_t queue_bytes_max = std::size_t{4} << 20U;    // unsent; send_*() refuses beyond
  std::size_t frame_bytes_max = 65536;  // >= 1; larger messages leave as several frames
  std::size_t deflate_bytes_min = 256;  // shorter messages leave as they are
  // Of a received message beyond 64 KiB, to its packed bytes; 1009 beyond. Deflate reaches 1030,
  // and runs of one byte do, so by default only the size of a message is bounded. >= 1.
  std::size_t deflate_ratio_max = 2000;
  Duration ping_interval = std::chrono::seconds(30);  // of silence, then a ping; zero: no pings
  int pings_max = 2;                                  // >= 1; that many without a byte: closed
  Duration close_timeout = std::chrono::seconds(10);  // from our close frame to the end
  Duration write_timeout = std::chrono::seconds(15);  // 64 KiB wait, the peer takes none: aborted
  WebSocketMetrics metrics{};
};
// Errors: kBadMessage `websocket.bad_option`, naming the option.
Status validate(const WebSocketOptions& options);

// What the handshake settled.
struct WebSocketAgreement {
  proto::WebSocketRole role = proto::WebSocketRole::kServer;
  std::string protocol{};  // the sub-protocol; empty: none
  std::optional<proto::WebSocketDeflate> deflate{};
};

// How a connection ended.
struct WebSocketEnd {
  // OK: both sides said close. Else a fault's (proto::to_status()), the stream's, abort()'s, or
  // kConnectionClosed: `websocket.cut` (the peer ended without a close frame),
  // `websocket.ping_timeout`, `websocket.write_stalled`, `websocket.close_timeout`;
  // kInternal `compress.failed`.
  Status status;
  std::uint16_t code = WebSocketCode::kLost;  // the peer's, kNone, or kLost
  std::string text;                           // the peer's, UTF-8
};

// Called on the WebSocket's core. It may send, close, pause and dispose of the socket in every
// call.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  // `payload` lasts as long as the call; UTF-8 if `text`. Never after close() or abort().
  virtual void on_message(WebSocket& socket, bool text, std::string_view payload) = 0;
  // The connection is dead; nothing comes after it. Dispose of the socket (Core::dispose).
  virtual void on_close(WebSocket& socket, WebSocketEnd end) = 0;
  // All output has left, after some of it had to wait.
  virtual void on_sent(WebSocket&) {}
  // A message is under way, in one frame or more; so many bytes of its frames' payloads have come,
  // and no more for now. For limits of time, which a WebSocket has none of. At most once a read.
  virtual void on_part(WebSocket&, std::uint64_t) {}
};

// Pings are answered and closes echoed without the handler. While 64 KiB of output wait, only the
// latest ping is (RFC 6455 section 5.5.3), so who pings and does not read costs nothing.
//
// Thread:   the stream's core. Lifetime: owned by the handler's side, given back through
//           Core::dispose(), at any time; open connections are cut then.
// Memory:   nothing between messages beside the object itself (about 0.5 KiB; of a client 0.3 KiB
//           more), and what compress says when windows are kept.
class WebSocket final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  // Takes over a stream that was started. Nothing is read before start(). `options` were validated.
  WebSocket(io::Core& core, std::unique_ptr<io::Stream> stream, WebSocketAgreement agreement,
            std::shared_ptr<const WebSocketOptions> options);
  ~WebSocket() override;

  // Must be called once; `handler` lives as long as the WebSocket.
  void start(WebSocketHandler& handler);

  // Sends one message. Text must be UTF-8: a peer fails the connection otherwise.
  // Errors: kConnectionClosed `websocket.closed`, kSendQueueFull `websocket.queue_full`: nothing
  // was
  //         sent and the connection goes on; drop the message, wait for on_sent(), or close() with
  //         kTryAgainLater. kInternal `compress.failed`: the connection is being closed.
  Status send_text(std::string_view text);
  Status send_binary(std::string_view bytes);

  // Says goodbye behind what was sent, and on_close() follows when the peer has done so too; never
  // inside this call. `code` is proto::is_websocket_close_code(); more than 123 bytes of `text` are
  // cut off. No effect unless open.
  void close(std::uint16_t code, std::string_view text);
  // Drops unsent output and ends the connection; on_close(`why`) follows, never inside this call.
  void abort(Status why);

  // No message until resume(): for back-pressure towards the peer. Pings of both sides rest too.
  void pause();
  void resume();

  bool is_open() const { return state_ == State::kOpen; }
  // Bytes that the system has not taken yet; 0 once closed.
  std::size_t unsent_bytes() const { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }
  // What the peer has not acknowledged: those, and what the system holds; as io::Stream has it.
  std::size_t untaken_bytes() const { return stream_ == nullptr ? 0 : stream_->untaken_bytes(); }
  const std::string& protocol() const { return protocol_; }
  io::Address peer() const { return stream_ == nullptr ? io::Address() : stream_->peer(); }

 private:
  enum class State : std::uint8_t { kOpen, kClosing, kEnding };

  // io::StreamHandler and Timer
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_sent() override;
  void on_timer() override;

  void tell_part(std::string_view head);
  void take(const proto::WebSocketReader::Step& step);
  void take_close(const proto::WebSocketReader::Step& step);
  void answer_ping(std::string_view payload);
  Status send(proto::WebSocketOpcode opcode, std::string_view payload);
  void write_message(proto::WebSocketOpcode opcode, std::string_view payload, bool packed);
  void write_control(proto::WebSocketOpcode opcode, std::string_view payload);
  void write_close(std::uint16_t code, std::string_view text);
  void written(std::size_t unsent_before);
  std::optional<proto::WebSocketMask> new_mask();
  void fail(Status why, std::uint16_t code, std::string_view text);
  void end(Status why);
  bool ping_if_due(Time now);
  void arm();
  WebSocketEnd& ending();
  void tell_end();
  void count_end() const;

  bool is_client() const { return random_ != nullptr; }
  bool pings() const;
  Time next_ping() const;
  // By the peer: the system takes megabytes at once, and then nothing for long.
  std::uint64_t taken_bytes() const;

  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;  // null once closed
  const std::shared_ptr<const WebSocketOptions> options_;
  const std::unique_ptr<SecureRandom> random_;  // of a client, for masks
  const std::unique_ptr<WebSocketDeflateState> deflate_;
  proto::WebSocketReader reader_;
  WebSocketHandler* handler_ = nullptr;
  const std::string protocol_;
  std::unique_ptr<Buffer>
      owed_pong_;  // payload of the latest ping that is to be answered when output has left
  std::unique_ptr<WebSocketEnd> end_;  // from the first that is known of it
  Time heard_;                         // when the peer's last byte came
  Time close_end_;                     // when waiting for the end is over; from kClosing on
  Time stall_end_ = Time::max();       // when output that nobody takes ends the connection
  std::uint64_t stall_taken_ = 0;      // taken_bytes() when stall_end_ was set
  std::uint64_t written_bytes_ = 0;
  int pings_unanswered_ = 0;
  State state_ = State::kOpen;
  bool ended_ = false;   // its status stands, whatever the stream says
  bool paused_ = false;  // by pause()
  bool faulty_ = false;  // the peer broke a rule
};

}  // namespace fairlead::http
