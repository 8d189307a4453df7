// Helpers for the tests of the client: a server that does as it is told, and lies if told to; an
// exchange with it.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "fairlead/http/client.h"
#include "fairlead/http/testing.h"
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

inline constexpr std::optional<std::uint64_t> kChunked = std::nullopt;
inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What became of reading a response to its end.
struct Read {
  Status answered;
  Status status;  // of the last read()
  std::string body;
  std::size_t pieces = 0;
  bool ended = false;
};

inline Task<void> read_all(ClientExchange* exchange, Read* read) {
  read->answered = co_await exchange->answered();
  while (true) {
    Result<Bytes> piece = co_await exchange->read();
    read->status = piece.status();
    if (!piece.ok() || piece->empty()) break;
    read->body += piece->view();
    ++read->pieces;
  }
  read->ended = true;
}

// What became of one write().
struct Written {
  Status status;
  bool ended = false;
};

inline Task<void> write_one(ClientExchange* exchange, Bytes piece, Written* written) {
  written->status = co_await exchange->write(std::move(piece));
  written->ended = true;
}

// A client, a scripted server, and one exchange between them.
class ClientExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.metrics = metrics;
    client = Client::make(*core, options).value();
  }
  void TearDown() override {
    exchange.reset();
    EXPECT_TRUE(core->run(client->close(core->deadline_after(std::chrono::seconds(5)))).ok());
  }
  ClientRequest post() {
    ClientRequest request;
    request.address = server.address();
    request.method = "POST";
    return request;
  }
  ClientRequest get() {
    ClientRequest request;
    request.address = server.address();
    return request;
  }
  // Opens `exchange`, and waits until the server has its head.
  void open(ClientRequest request, std::optional<std::uint64_t> length,
            Duration time = std::chrono::seconds(20), CancelToken cancel = {}) {
    exchange.reset();
    const std::size_t seen = server.received().size();
    auto opened = core->run(
        client->open(std::move(request), length, core->deadline_after(time), std::move(cancel)));
    ASSERT_TRUE(opened.ok()) << opened.status();
    exchange = std::move(opened).value();
    ASSERT_TRUE(turn_until(
        *core, [&] { return server.received().find("\r\n\r\n", seen) != std::string::npos; }));
  }
  Status write(std::string_view piece) { return core->run(exchange->write(Bytes(piece))); }
  Status answered() { return core->run(exchange->answered()); }
  Read read_to_end() {
    Read read;
    core->run(read_all(exchange.get(), &read));
    return read;
  }
  bool wait_for_received(std::string_view text) {
    return turn_until(*core, [&] { return server.received().ends_with(text); });
  }
  void expect_closed() {
    EXPECT_TRUE(turn_until(*core, [&] { return server.is_closed(); }));
    EXPECT_EQ(client->idle_connections(), 0U);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  const Metrics metrics = Metrics::make(registry).value();
  ScriptedServer server{*core};
  std::unique_ptr<Client> client;
  std::unique_ptr<ClientExchange> exchange;
};

}  // namespace fairlead::http::testing
