// What tests of heartbeats and of idle links share: a server and who is connected to it, on virtual
// time.
#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/rpc/bad_peer.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {

// A server, and either a peer of ours or a stranger that connects to it.
class SessionLiveness : public ::testing::Test {
 protected:
  static PeerOptions usual() { return {.heartbeat = kUsualHeartbeat, .idle = kUsualIdle}; }
  static PeerOptions with_hello() {
    PeerOptions options = usual();
    options.hello = true;
    return options;
  }
  void TearDown() override {
    strangers.clear();
    for (auto* peer : {&client, &server}) {
      if (!peer->has_value()) continue;
      (void)(*peer)->core().run(
          (*peer)->close((*peer)->core().deadline_after(std::chrono::seconds(1))));
    }
    listener.reset();
  }
  void serve(const PeerOptions& options, const wire::Protocol* protocol = nullptr) {
    ASSERT_TRUE(options.validate().ok());
    server.emplace(near, server_router, options, Metrics::make(registry).value());
    listener = near.listen(io::Address::loopback(0), {},
                           [this, protocol](io::Core&, std::unique_ptr<io::Stream> stream) {
                             accepted = &server->accept(std::move(stream), protocol);
                             accepted->on_closed([this](Session&, const Status& status) {
                               accepted = nullptr;
                               closed = near.now();
                               why = status;
                             });
                           })
                   .value();
  }
  // A peer of ours connects; both are looked at from here on.
  void join(const PeerOptions& options, const wire::Protocol* protocol = nullptr) {
    client.emplace(far, client_router, options, Metrics::make(far_registry).value());
    session =
        far.run(client->dial(listener->local(), Deadline(), {}, {.protocol = protocol})).value();
    session->on_closed([this](Session&, const Status&) { session = nullptr; });
    began = far.now();
  }
  test::Stranger& visit() {
    strangers.push_back(std::make_unique<test::Stranger>(
        far, far.run(far.connect(listener->local(), Deadline(), {})).value()));
    pass(std::chrono::milliseconds(10));
    began = near.now();
    return *strangers.back();
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  static std::string not_found(std::int32_t seq) {
    std::array<char, 8> text{};
    const auto end = std::to_chars(text.begin(), text.end(), seq, 36).ptr;
    return test::frame({.seq = std::string(text.begin(), end),
                        .kind = 2,
                        .method = "",
                        .status = "code=404&msg=Not Found",
                        .body = ""});
  }
  // Answers as a Go peer does that knows no heartbeats. How many there were.
  int answer(test::Stranger& stranger, Duration time) {
    int count = 0;
    for (Duration passed = std::chrono::seconds(0); passed < time;
         passed += std::chrono::milliseconds(100)) {
      pass(std::chrono::milliseconds(100));
      for (const test::Told& told : stranger.hear(transforms)) {
        EXPECT_EQ(told.method, "/heartbeat");
        EXPECT_EQ(told.kind, wire::Kind::kCall);
        stranger.send(not_found(told.seq));
        ++count;
      }
    }
    return count;
  }
  // In a turn of the server's core: outside of one its time stands still.
  void ask(std::string method, std::size_t body_bytes, Status* out) {
    near.post([this, method, body_bytes, out] {
      scope.spawn(call(accepted, method, Bytes(std::string(body_bytes, 'x')), out));
    });
    pass(std::chrono::milliseconds(10));
  }
  static Task<void> call(Session* on, std::string method, Bytes body, Status* out) {
    auto call = on->call(std::move(method), 's', std::move(body), "",
                         on->core().deadline_after(std::chrono::seconds(1000)));
    Result<Reply> reply = co_await call;
    *out = reply.status();
  }
  const Metrics& metrics() const { return server->metrics(); }
  std::uint64_t ends(LinkEnd end) const {
    return metrics().links_closed[static_cast<std::size_t>(end)].value();
  }
  std::int64_t links(LinkState state) const {
    return metrics().links[static_cast<std::size_t>(state)].value();
  }

  io::Simulation network{1, {.segment_bytes_max = 1U << 16, .window_bytes = 1U << 17}};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  wire::TransformSet transforms;
  observe::Registry registry;
  observe::Registry far_registry;
  Router server_router;
  Router client_router;
  std::optional<Peer> server;
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
  std::vector<std::unique_ptr<test::Stranger>> strangers;
  Session* accepted = nullptr;  // the server's
  Session* session = nullptr;   // the client's
  Time began{};
  std::optional<Time> closed;
  Status why;
  std::array<Status, 3> results;  // of what ask() began
  Scope scope;
};

}  // namespace fairlead::rpc
