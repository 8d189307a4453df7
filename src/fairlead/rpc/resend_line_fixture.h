// What tests of a ResendLine share: a server on two cores that may be restarted, with its windows,
// and a client whose line outlives its links, on virtual time.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/resend_line.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {

// One message and how it ended.
class Sent final : public ResentMessage {
 public:
  Sent(RawRequest request, wire::Kind kind) : ResentMessage(std::move(request), kind) {}

  int ends = 0;
  Status status;
  std::string body;
  std::string metadata;
  bool moves = false;
  std::function<void()> then = [] {};

 private:
  void on_result(Status ended, const wire::MessageView& reply, const Bytes&) override {
    ++ends;
    status = std::move(ended);
    body = reply.body;
    metadata = reply.metadata;
    then();
  }
  bool moves_elsewhere() override { return moves; }
};

// A server that may be restarted, on two cores, and a client whose line dials it again.
class ResendLineTest : public ::testing::Test {
 protected:
  using enum DeliveryMode;
  static constexpr Duration kCallTime = std::chrono::seconds(5);
  static constexpr Duration kMoment = std::chrono::milliseconds(20);  // all are told by then

  void SetUp() override {
    const auto add = [this](wire::Kind kind, const char* method, auto function) {
      ASSERT_TRUE(router.add(kind, method, make_handler(std::move(function))).ok());
    };
    add(wire::Kind::kCall, "/echo", [this](Context& context) {
      ++served[std::string(context.body())];
      context.add_reply_meta("from", "handler");
      context.reply_with('s', context.body_bytes());
      return Status();
    });
    add(wire::Kind::kCall, "/hold", [this](Context& context) { return hold(context); });
    add(wire::Kind::kCall, "/fail", [this](Context& context) {
      ++served[std::string(context.body())];
      return Status(Code::kConflict, "test.failed", "");
    });
    add(wire::Kind::kPush, "/note", [this](Context& context) {
      ++served[std::string(context.body())];
      notes.emplace_back(context.body());
      return Status();
    });
    add(wire::Kind::kPush, "/hold_note", [this](Context& context) { return hold(context); });
    add(wire::Kind::kPush, "/bad_note",
        [](Context&) { return Status(Code::kBadMessage, "test.bad_note", ""); });
    line_options.process = &budget;
  }
  // Answers after `release` is set.
  Task<Status> hold(Context& context) {
    ++served[std::string(context.body())];
    Status waited = co_await release.wait(context.core().timers(), Deadline(), context.cancel());
    ended.push_back(waited.code());
    if (!waited.ok()) co_return waited;
    context.reply_with(context.body_codec(), context.body_bytes());
    co_return Status();
  }

  void start_server(bool hello = true, bool keeps_windows = true, PluginChain* plugins = nullptr) {
    windows.emplace(dedup);
    PeerOptions options{.hello = hello, .secure = secure, .plugins = plugins};
    if (keeps_windows) options.windows = &*windows;
    for (std::size_t i = 0; i < 2; ++i) {
      servers[i].emplace(*near[i], router, options, Metrics::make(server_registry[i]).value());
    }
    for (std::size_t i = 0; i < 2; ++i) {
      listeners[i] =
          near[i]
              ->listen(io::Address::parse(i == 0 ? "127.0.0.1:700" : "127.0.0.1:701").value(), {},
                       [this, i](io::Core&, std::unique_ptr<io::Stream> stream) {
                         servers[i]->accept(std::move(stream));
                       })
              .value();
    }
  }
  void stop_server() {
    for (std::size_t i = 0; i < 2; ++i) {
      if (!servers[i].has_value()) continue;
      (void)near[i]->run(servers[i]->close(near[i]->deadline_after(Duration::zero())));
      servers[i].reset();
      listeners[i].reset();
    }
    windows.reset();
  }
  void start_client(bool hello = true) {
    client.emplace(far, nothing,
                   PeerOptions{.call_timeout = kCallTime, .hello = hello, .secure = secure},
                   Metrics::make(client_registry).value());
    line.emplace(far, line_options, client->metrics(), [this] { ++wanted; });
  }
  void start() {
    start_server();
    start_client();
    dial(0);
  }
  void TearDown() override {
    line.reset();
    if (client.has_value())
      (void)far.run(client->close(far.deadline_after(std::chrono::seconds(1))));
    release.set();
    stop_server();
  }
  // To the server's core `to`, with the line's secret.
  void dial(std::size_t to) {
    DialOptions options;
    options.resend = &*line;
    const auto made = far.run(client->dial(listeners[to]->local(), far.deadline_after(kCallTime),
                                           CancelToken(), std::move(options)));
    ASSERT_TRUE(made.ok()) << made.status();
    session = *made;
    session->on_closed([this](Session& gone, const Status&) {
      if (session == &gone) session = nullptr;
    });
    pass(kMoment);
  }
  // From the server's side, whatever it is doing.
  void cut(std::size_t at) {
    servers[at]->for_each_session(
        [&](Session& one) { near[at]->spawn(close_now(&one, near[at])); });
    pass(kMoment);
  }
  static Task<void> close_now(Session* session, io::Core* core) {
    Status closed = co_await session->close(Deadline(core->now()));
    (void)closed;
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  static Task<void> destroy_when_empty(std::optional<ResendLine>* line) {
    const Status heard = co_await (*line)->empty(CancelToken());
    EXPECT_TRUE(heard.ok());
    line->reset();
  }
  std::unique_ptr<Sent> send(std::string method, std::string body, DeliveryMode mode = kAtLeastOnce,
                             bool push = false, Duration within = kCallTime,
                             CancelToken cancel = {}) {
    auto sent = std::make_unique<Sent>(RawRequest{.method = std::move(method),
                                                  .body_codec = codec,
                                                  .body = Bytes(body),
                                                  .secure = form,
                                                  .delivery = mode},
                                       push ? wire::Kind::kPush : wire::Kind::kCall);
    line->start(*sent, far.deadline_after(within), cancel);
    return sent;
  }
  std::uint64_t dedup_hits() const {
    return servers[0]->metrics().dedup_hits.value() + servers[1]->metrics().dedup_hits.value();
  }

  io::Simulation simulation{1};
  std::array<io::Core*, 2> near{&simulation.add_core("server 0"), &simulation.add_core("server 1")};
  io::Core& far = simulation.add_core("client");
  observe::Registry server_registry[2];
  observe::Registry client_registry;
  Router router;
  Router nothing;
  DuplicateOptions dedup;
  std::optional<DuplicateWindows> windows;
  std::array<std::optional<Peer>, 2> servers;
  std::array<std::unique_ptr<io::Listener>, 2> listeners;
  ResendBudget budget;
  ResendOptions line_options;
  const SecureBodies* secure = nullptr;  // both sides'
  wire::SecureForm form = wire::SecureForm::kPlain;
  std::uint8_t codec = 's';
  std::optional<Peer> client;
  std::optional<ResendLine> line;
  Session* session = nullptr;
  int wanted = 0;
  Event release;
  std::map<std::string, int> served;
  std::vector<std::string> notes;
  std::vector<Code> ended;
};

}  // namespace fairlead::rpc
