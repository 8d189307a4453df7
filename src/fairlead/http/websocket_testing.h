// Helpers for the tests of WebSockets: a connection of a simulated network whose one end is a
// WebSocket and whose other end sends exactly the bytes it is told.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/http/proto/websocket_frame.h"
#include "fairlead/http/proto/websocket_reader.h"
#include "fairlead/http/websocket.h"
#include "fairlead/io/simulation.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::http::testing {

// A frame as a client sends it, or a server.
inline std::string frame(proto::WebSocketOpcode opcode, std::string_view payload,
                         bool masked = true, bool last = true) {
  Buffer out;
  proto::WebSocketFrameHead head;
  head.opcode = opcode;
  head.last = last;
  if (masked) head.mask = proto::WebSocketMask{'\x37', '\x7a', '\x21', '\x3d'};
  proto::write_websocket_frame(head, payload, out);
  return std::string(out.view());
}
inline std::string close_frame(std::uint16_t code, bool masked = true) {
  Buffer out;
  std::optional<proto::WebSocketMask> mask;
  if (masked) mask = proto::WebSocketMask{'\x01', '\x02', '\x03', '\x04'};
  proto::write_websocket_close(code, "", mask, out);
  return std::string(out.view());
}

// The end of the raw bytes. It reads them as `role` and notes what they say: "text hello",
// "ping x", "close 1000 bye".
class RawPeer final : public io::StreamHandler {
 public:
  RawPeer(std::unique_ptr<io::Stream> made, proto::WebSocketRole role)
      : stream(std::move(made)), reader_({.role = role}) {
    stream->start(*this);
  }
  ~RawPeer() = default;
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  void send(std::string_view bytes) {
    stream->output().append(bytes);
    stream->wrote();
  }

  std::unique_ptr<io::Stream> stream;
  std::vector<std::string> heard;
  std::string raw;
  bool ended = false;
  bool closed = false;

 private:
  io::ReadResult on_read(const Bytes& input) override {
    using Event = proto::WebSocketReader::Event;
    raw.append(input.view());
    std::size_t consumed = 0;
    while (true) {
      const auto step = reader_.next(input.view().substr(consumed));
      consumed += step.consumed;
      const std::string payload(step.payload);
      if (step.event == Event::kNeedMore) return {consumed, 0};
      if (step.event == Event::kMessage)
        heard.push_back((step.text ? "text " : "binary ") + payload);
      if (step.event == Event::kPing) heard.push_back("ping " + payload);
      if (step.event == Event::kPong) heard.push_back("pong " + payload);
      if (step.event == Event::kClose) {
        heard.push_back("close " + std::to_string(step.close_code.value_or(0)));
      }
      if (step.event == Event::kFailed) {
        heard.emplace_back("nonsense");
        return {input.size(), 0};
      }
    }
  }
  void on_end() override { ended = true; }
  void on_close(Status) override { closed = true; }

  proto::WebSocketReader reader_;
};

// Notes what its socket tells; owns it.
class Recorder final : public WebSocketHandler {
 public:
  explicit Recorder(io::Core& core) : core_(core) {}
  ~Recorder() override = default;  // outside of its calls, so that the socket may die with it
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void take(std::unique_ptr<WebSocket> made) {
    socket = std::move(made);
    socket->start(*this);
  }
  std::string reason() const {
    return end.has_value() ? std::string(end->status.reason()) : "not ended";
  }

  std::unique_ptr<WebSocket> socket;
  std::vector<std::string> messages;
  std::vector<std::uint64_t> parts;
  std::optional<WebSocketEnd> end;
  int sent = 0;
  bool echo = false;
  bool pause_after_message = false;

 private:
  void on_message(WebSocket& from, bool text, std::string_view payload) override {
    messages.push_back((text ? "text " : "binary ") + std::string(payload));
    if (echo) {
      EXPECT_TRUE((text ? from.send_text(payload) : from.send_binary(payload)).ok());
    }
    if (pause_after_message) from.pause();
  }
  void on_sent(WebSocket&) override { ++sent; }
  void on_part(WebSocket&, std::uint64_t bytes) override { parts.push_back(bytes); }
  void on_close(WebSocket&, WebSocketEnd how) override {
    EXPECT_FALSE(end.has_value()) << "told once";
    end = std::move(how);
    core_.dispose(std::move(socket));
  }

  io::Core& core_;
};

class WebSocketTest : public ::testing::Test {
 protected:
  // The WebSocket's side is `role`.
  void make(WebSocketOptions options = {}, WebSocketAgreement agreement = {},
            io::NetworkOptions network = {}) {
    options.metrics = metrics;
    simulation.emplace(7, network);
    io::Core& there = simulation->add_core("raw");
    core = &simulation->add_core("socket");
    recorder.emplace(*core);
    const bool server = agreement.role == proto::WebSocketRole::kServer;
    auto shared = std::make_shared<const WebSocketOptions>(options);
    listener = core->listen(io::Address::parse("10.0.0.1:80").value(), {},
                            [this, agreement, shared](io::Core&, std::unique_ptr<io::Stream> made) {
                              made->start(starter);
                              recorder->take(std::make_unique<WebSocket>(*core, std::move(made),
                                                                         agreement, shared));
                            })
                   .value();
    auto dialled = there.run(there.connect(listener->local(), Deadline(), {}));
    ASSERT_TRUE(dialled.ok()) << dialled.status();
    raw_core = &there;
    raw.emplace(std::move(dialled).value(),
                server ? proto::WebSocketRole::kClient : proto::WebSocketRole::kServer);
    pass(std::chrono::milliseconds(20));
  }
  void TearDown() override {
    raw.reset();
    recorder.reset();
    listener.reset();
    for (io::Core* each : {raw_core, core}) {
      if (each != nullptr) each->turn(Deadline(simulation->now()));
    }
    EXPECT_EQ(metrics.connections_open.value(), 0);
  }
  void pass(Duration time) { testkit::pass_time(*raw_core, time); }
  void send(std::string_view bytes) {
    raw->send(bytes);
    pass(std::chrono::milliseconds(50));
  }
  std::uint64_t endings() const {
    return metrics.closed_normally.value() + metrics.closed_by_peer.value() +
           metrics.closed_for_fault.value() + metrics.closed_lost.value();
  }

  struct Starter final : io::StreamHandler {
    io::ReadResult on_read(const Bytes&) override { return {}; }
    void on_end() override {}
    void on_close(Status) override {}
  };

  observe::Registry registry;
  WebSocketMetrics metrics = WebSocketMetrics::make(registry).value();
  std::optional<io::Simulation> simulation;
  io::Core* raw_core = nullptr;
  io::Core* core = nullptr;
  Starter starter;
  std::unique_ptr<io::Listener> listener;
  std::optional<Recorder> recorder;
  std::optional<RawPeer> raw;
};

}  // namespace fairlead::http::testing
