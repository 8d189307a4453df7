// For tests of rpc and of what stands on it: two peers over TCP on one core, and a plain stream to
// the server for bytes that no peer of ours would send.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::testkit {

class TwoPeers : public ::testing::Test {
 protected:
  static Status echo(rpc::Context& context) {
    context.reply_with(context.wanted_reply_codec(), context.body_bytes());
    return {};
  }
  template <class Function>
  void serve(wire::Kind kind, std::string_view method, Function function) {
    ASSERT_TRUE(server_router.add(kind, method, rpc::make_handler(std::move(function))).ok());
  }
  // Listens. Sessions that are accepted speak `protocol`.
  void listen(const rpc::PeerOptions& options = {}, const wire::Protocol* protocol = nullptr) {
    ASSERT_TRUE(options.validate().ok());
    server.emplace(*core, server_router, options, rpc::Metrics::make(registry).value());
    client.emplace(*core, client_router, client_options.value_or(options));
    listener = core->listen(io::Address::loopback(0), {},
                            [this, protocol](io::Core&, std::unique_ptr<io::Stream> stream) {
                              accepted = &server->accept(std::move(stream), protocol);
                            })
                   .value();
  }
  Status dial(rpc::DialOptions options = {}) {
    const Result<rpc::Session*> made = core->run(client->dial(
        listener->local(), core->deadline_after(std::chrono::seconds(5)), {}, std::move(options)));
    session = made.ok() ? *made : nullptr;
    if (session != nullptr)
      session->on_closed([this](rpc::Session&, const Status&) { session = nullptr; });
    return made.status();
  }
  // Sends a call with everything that a head can say and waits for its reply.
  Result<rpc::Reply> call(const rpc::CallHead& head, std::string_view body) {
    return core->run(call_later(*session, head, Bytes(body)));
  }
  static Task<Result<rpc::Reply>> call_later(rpc::Session& session, rpc::CallHead head,
                                             Bytes body) {
    rpc::RawCall call;
    const Deadline deadline = session.core().deadline_after(std::chrono::seconds(10));
    session.start_call(call, head, deadline, CancelToken(), body);
    Result<rpc::Reply> reply = co_await call;
    co_return reply;
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + std::chrono::seconds(10);
    while (!condition() && steady_now() < end) {
      core->turn(core->deadline_after(std::chrono::milliseconds(50)));
    }
    ASSERT_TRUE(condition());
  }

  struct Probe final : io::StreamHandler {
    io::ReadResult on_read(const Bytes& input) override {
      received.append(input.view());
      return {input.size(), 0};
    }
    void on_end() override { stream->close(); }
    void on_close(Status) override { closed = true; }
    void send(std::string_view bytes) {
      stream->output().append(bytes);
      stream->wrote();
    }
    std::unique_ptr<io::Stream> stream;
    std::string received;
    bool closed = false;
  };
  std::unique_ptr<Probe> probe() {
    auto made = std::make_unique<Probe>();
    made->stream = core->run(core->connect(listener->local(),
                                           core->deadline_after(std::chrono::seconds(5)), {}))
                       .value();
    made->stream->start(*made);
    return made;
  }
  static std::string frame(const wire::MessageHead& head, std::string_view body = {}) {
    Buffer out;
    EXPECT_TRUE(wire::raw::append(out, head, body, {}).ok());
    return std::string(out.view());
  }

  void TearDown() override {
    for (auto* peer : {&client, &server}) {
      if (!peer->has_value()) continue;
      const Status closed =
          core->run((*peer)->close(core->deadline_after(std::chrono::seconds(10))));
      EXPECT_TRUE(closed.ok()) << closed;
    }
    server.reset();
    client.reset();
    listener.reset();
  }

  observe::Registry registry;
  rpc::Router server_router;
  rpc::Router client_router;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<rpc::PeerOptions> client_options;  // the server's when not said
  std::optional<rpc::Peer> server;
  std::optional<rpc::Peer> client;
  std::unique_ptr<io::Listener> listener;
  rpc::Session* session = nullptr;   // the client's
  rpc::Session* accepted = nullptr;  // the server's
};

}  // namespace fairlead::testkit
