// WebSocketStream: a WebSocket connection as the stream of a session.
//
//   sub-protocol   protocol of the session    on the connection
//   json           ws-json                    one message in one WebSocket message
//   pb             ws-pb                      one message in one WebSocket message
//   raw, or none   raw                        frames as a stream of bytes in binary messages
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/http/websocket.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::rpc {

// Whoever holds the WebSocket connection, as its stream sees it. It tells the stream by
// on_message(), on_part(), on_sent() and on_close() what happens.
class MessageSocket : public io::Disposable {
 public:
  // Sends one binary message. Errors end the connection.
  virtual Status send(std::string_view message) = 0;
  // Says goodbye with a code of RFC 6455 section 7.4.1 behind what was sent; on_close() follows.
  virtual void close(std::uint16_t code) = 0;
  // Drops what was not sent and ends the connection; on_close(`why`) follows.
  virtual void abort(Status why) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual std::size_t unsent_bytes() const = 0;
  virtual std::size_t untaken_bytes() const = 0;  // as http::WebSocket has it
  virtual io::Address peer() const = 0;
};

// Options of a connection whose messages are frames of a session within `limits`.
http::WebSocketOptions websocket_options(const wire::Limits& limits);

// The protocol of a session for a sub-protocol: null for "raw" and "", which is raw. nullopt: none
// of these names.
std::optional<const wire::Protocol*> protocol_of_websocket(std::string_view sub_protocol);

// Messages beyond what the connection takes stay here and count as unsent, so that the limits of
// sessions hold. Incoming messages are bounded by the connection: its limit should be that of
// frames. Thread: its core. Lifetime: of a Stream; the socket dies with it.
class WebSocketStream final : public io::Stream {
 public:
  enum class Carries : std::uint8_t { kMessages, kBytes };

  // `protocol`: of the session, null for raw.
  WebSocketStream(io::Core& core, std::unique_ptr<MessageSocket> socket,
                  const wire::Protocol* protocol)
      : Stream(core),
        socket_(std::move(socket)),
        carries_(protocol == nullptr ? Carries::kBytes : Carries::kMessages) {}

  // Of the socket's side. Text is taken where messages are carried; as bytes it is refused with
  // close code 1003.
  void on_message(bool text, std::string_view payload);
  void on_part(std::uint64_t bytes);
  void on_sent();
  void on_close(Status why);

  void start(io::StreamHandler& handler) override { handler_ = &handler; }
  void hand_over(io::StreamHandler& handler) override { handler_ = &handler; }
  void end_message() override;
  void pause() override;
  void resume() override;
  void set_goodbye(io::Goodbye goodbye) override;
  void close() override;
  // A peer that takes too little (kOverloaded) is told so with 1013, behind the 64 KiB that it has
  // not taken, one that sends too slowly (`session.slow_frame`) with 1008; on_close() follows when
  // it has answered, or when the connection gives it up.
  void abort(Status why) override;
  std::size_t untaken_bytes() const override;
  bool probes_peer() const override { return true; }  // WebSocketOptions::ping_interval
  io::Address peer() const override;
  io::Address local() const override { return {}; }

 private:
  void flush() override;
  bool send_next();

  std::unique_ptr<MessageSocket> socket_;  // null once it is closed
  io::StreamHandler* handler_ = nullptr;
  // Sizes of the messages in output(), for kMessages; those before `first_` are sent.
  std::vector<std::size_t> messages_;
  std::size_t first_ = 0;
  std::size_t ended_bytes_ = 0;  // of all in output()
  Buffer arrived_;               // the begin of a frame, for kBytes
  std::size_t wanted_ = 0;       // bytes of it that are waited for; 0: any
  Status too_slow_;              // why it was aborted, when it hears of that
  std::uint16_t close_code_ = http::WebSocketCode::kNormal;
  const Carries carries_;
  bool closing_ = false;
};

}  // namespace fairlead::rpc
