// For tests of sessions that come back: a program with one link, and the program that it is to, on
// virtual time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/service/session_redial.h"
#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::service {

inline constexpr const char* kAt = "127.0.0.1:7000";

// Notes what a program's plugins hear of its dials, and names who dials again.
class Dials final : public rpc::Plugin {
 public:
  explicit Dials(std::vector<std::string>& seen) : Plugin("dials"), seen_(seen) {}
  Status post_dial(rpc::Session& session, bool again) override {
    const auto value = session.values().get("room");
    seen_.push_back(std::string(again ? "again " : "first ") + std::string(value.value_or("-")));
    return refuse_ ? Status(Code::kForbidden, "test.refused", "not today") : Status();
  }
  Status post_disconnect(rpc::Session&, const Status&) override {
    seen_.emplace_back("gone");
    return {};
  }
  Status post_lost(const rpc::LostLink& lost) override {
    seen_.push_back("lost " + lost.address.to_text() + " " + std::string(lost.why.reason()));
    return {};
  }
  static inline bool refuse_ = false;

 private:
  std::vector<std::string>& seen_;
};

class SessionRedialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Dials::refuse_ = false;
    FL_CHECK(plugins.add(Dials(seen)).ok());
    call();
    serve();
  }
  void call(Duration session_age = {}) {
    client.emplace(
        simulation, "client", 2,
        rpc::PeerOptions{.hello = true, .session_age = session_age, .plugins = &plugins});
    client->open(&limits);
    client->hub.on_closed(
        [this](const SessionRef& session, const Status&) { closed.push_back(session.id()); });
  }
  // A program at kAt, without a word when it is gone.
  void serve() { serve(server, false); }
  void serve(std::optional<room_test::Party>& program, bool hello) {
    program.emplace(simulation, "server", 1, rpc::PeerOptions{.hello = hello});
    program->open();
    (void)program->listen(0, kAt);
  }
  SessionRef keep(const upstream::RedialOptions& redial = {}) {
    return client->keep(0, io::Address::parse(kAt).value(),
                        {.redial = upstream::DialSettings{.redial = redial}, .delivery = delivery});
  }
  void pass(Duration time) { testkit::pass_time(core(), time); }
  io::Core& core() { return client->core(0); }
  upstream::Redial::State state() { return client->hub.links(core(), 1).at(0).state; }
  void pass_until(upstream::Redial::State wanted) {
    for (int i = 0; i < 100'000 && state() != wanted; ++i) pass(std::chrono::microseconds(100));
    ASSERT_EQ(state(), wanted);
  }
  Result<room_test::Pong> probe(const SessionRef& session) {
    const auto ask = [](SessionRef to) -> Task<Result<room_test::Pong>> {
      auto call = to.as<room_test::Device>().probe({.at = 1}, within(std::chrono::seconds(1)));
      Result<room_test::Pong> reply = co_await call;
      co_return reply;
    };
    return core().run(ask(session));
  }
  // Begins a call, and counts in `done` when it has ended.
  template <class... Words>
  void begin_probe(const SessionRef& session, Words... words) {
    auto call = session.as<room_test::Device>().probe({.at = 1}, std::move(words)...);
    std::move(call).then([this](Result<room_test::Pong> reply) {
      ++done;
      last = reply.status();
    });
  }
  // It ends, and its clients have heard of that.
  void lose_server() {
    server.reset();
    pass(std::chrono::milliseconds(50));
  }
  // As a program that ends: it serves on, also who connects now.
  void announce_going() {
    server->core(0).spawn([](rpc::Peer* peer) -> Task<void> {
      Status told = co_await peer->announce_going("closing", std::chrono::milliseconds(0),
                                                  std::chrono::milliseconds(0));
      EXPECT_TRUE(told.ok());
    }(&server->peer(0)));
    pass(std::chrono::milliseconds(10));
  }
  void begin_hold(const SessionRef& session, Duration time) {
    auto call = session.as<room_test::Device>().hold({.at = 1}, within(time));
    std::move(call).then([this](Result<room_test::Pong> reply) {
      ++done;
      last = reply.status();
    });
  }
  // Runs `function` on the session's core.
  template <class Function>
  void here(Function function) {
    core().post(function);
    pass(std::chrono::milliseconds(1));
  }

  std::optional<rpc::DeliveryMode> delivery;
  int done = 0;
  Status last;
  io::Simulation simulation{1};
  std::vector<std::string> seen;
  rpc::PluginChain plugins;
  std::vector<std::string> closed;
  upstream::DialLimits limits;
  std::optional<room_test::Party> server;
  std::optional<room_test::Party> client;
};

}  // namespace fairlead::service
