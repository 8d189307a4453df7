// Helpers for the tests of the client: a server that does as it is told, and lies if told to.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/io/core.h"

namespace fairlead::http::testing {

// What a scripted server does when it has seen the end of a request head.
struct Act {
  std::string answer;
  bool close = false;  // after the answer
};

// Follows a script across all its connections, and records what it was sent.
class ScriptedServer {
 public:
  explicit ScriptedServer(io::Core& core, const io::Address& at = io::Address::loopback(0))
      : core_(core) {
    listener_ = core.listen(at, {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              peers_.emplace_back(*this, std::move(stream));
                            })
                    .value();
  }
  const io::Address& address() const { return listener_->local(); }
  void will(std::string answer, bool close = false) {
    script_.push_back({std::move(answer), close});
  }
  void close_all() {
    for (Peer& peer : peers_) {
      if (peer.stream != nullptr) peer.stream->close();
    }
  }
  void abort_all() {
    for (Peer& peer : peers_) {
      if (peer.stream != nullptr) peer.stream->abort(Status(Code::kInternal, "test.abort", ""));
    }
  }
  // On the connection that came last.
  void say(std::string_view bytes) { peers_.back().write(bytes); }
  void close() { peers_.back().stream->close(); }
  void stop_reading() { peers_.back().stream->pause(); }
  void go_on_reading() { peers_.back().stream->resume(); }
  std::size_t unsent() const { return peers_.back().stream->unsent_bytes(); }
  bool is_closed() const { return peers_.back().stream == nullptr; }
  std::size_t connections() const { return peers_.size(); }
  const std::string& received() const { return received_; }

 private:
  struct Peer final : io::StreamHandler {
    Peer(ScriptedServer& owner, std::unique_ptr<io::Stream> made)
        : server(owner), stream(std::move(made)) {
      stream->start(*this);
    }
    void write(std::string_view bytes) {
      stream->output().append(bytes);
      stream->wrote();
    }
    io::ReadResult on_read(const Bytes& input) override {
      server.received_ += input.view();
      seen += input.view();
      for (std::size_t end = 0; (end = seen.find("\r\n\r\n")) != std::string::npos;) {
        seen.erase(0, end + 4);
        if (server.script_.empty()) break;
        const Act act = server.script_.front();
        server.script_.pop_front();
        write(act.answer);
        if (act.close) stream->close();
      }
      return {input.size(), 0};
    }
    void on_end() override { stream->close(); }
    void on_close(Status) override { server.core_.dispose(std::move(stream)); }

    ScriptedServer& server;
    std::unique_ptr<io::Stream> stream;
    std::string seen;
  };

  io::Core& core_;
  std::list<Peer> peers_;
  std::deque<Act> script_;
  std::string received_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace fairlead::http::testing
