// Bytes that outlive the turn in which they were read: in handlers that wait, in replies that are
// kept, in sessions that are gone. AddressSanitizer and the overwriting of given-back memory in
// debug builds make every mistake here visible.
#include <unistd.h>

#include <filesystem>
#include <list>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

Status echo(Context& context) {
  if (Buffer* out = context.begin_reply('s')) out->append(context.body());
  return {};
}

// A body that no other number has.
std::string body_of(int number, std::size_t bytes) {
  std::string body = "body " + std::to_string(number) + " ";
  for (int i = number; body.size() < bytes; ++i) body += static_cast<char>('a' + i % 26);
  return body;
}

// A server and a client on one core, over each network.
class SessionLifetimeTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto add = [&](wire::Kind kind, const char* method, auto function) {
      ASSERT_TRUE(router.add(kind, method, make_handler(std::move(function))).ok());
    };
    using enum wire::Kind;
    add(kCall, "/echo", echo);
    add(kCall, "/keep", [this](Context& context) { return keep(context); });
    const std::string where =
        std::string(GetParam()) == "unix" ? "unix:" + path.string() : GetParam();
    server.emplace(*core, router, PeerOptions());
    client.emplace(*core, nothing, PeerOptions());
    listener = core->listen(io::Address::parse(where).value(), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              server->accept(std::move(stream));
                            })
                   .value();
  }
  void TearDown() override {
    release.set();
    for (Peer* peer : {&*client, &*server}) {
      (void)core->run(peer->close(core->deadline_after(100ms)));
    }
    listener.reset();
  }
  Session& dial() {
    return *core->run(client->dial(listener->local(), core->deadline_after(5s))).value();
  }
  Result<Reply> call(Session& session, const char* method, std::string_view body) {
    return core->run(session.call(method, 's', Bytes(body), "", core->deadline_after(10s)));
  }
  // Many frames of other content, so that memory that was given back is used again.
  void pass_frames(Session& session, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string body = body_of(1000 + i, 10 + static_cast<std::size_t>(i * 37 % 9000));
      const Result<Reply> reply = call(session, "/echo", body);
      ASSERT_TRUE(reply.ok()) << reply.status();
      ASSERT_EQ(reply->body.view(), body);
    }
  }
  // Waits for `release` some times over, deaf to its session's end, and notes whether anything
  // that it was given has changed meanwhile.
  Task<Status> keep(Context& context) {
    const Bytes kept = context.body_bytes();
    const std::string copy(context.body());
    ++waiting;
    Status released = co_await release.wait(context.core().timers(), Deadline());
    for (int i = 0; i < 3; ++i) {
      Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(1ms));
      if (!slept.ok()) co_return slept;
      if (kept.view() != copy || context.body() != copy || context.method() != "/keep") ++changed;
    }
    --waiting;
    if (Buffer* out = context.begin_reply('s')) out->append(kept.view());
    co_return released;
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(20ms));
    ASSERT_TRUE(condition());
  }

  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("fl_life_" + std::to_string(getpid()) + ".sock");
  Router router;
  Router nothing;
  Event release;
  int waiting = 0;
  int changed = 0;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<Peer> server;
  std::optional<Peer> client;
  std::unique_ptr<io::Listener> listener;
};

TEST_P(SessionLifetimeTest, LeavesTheBodyOfAHandlerThatWaitsWhileHundredsOfFramesArrive) {
  Session& session = dial();
  Scope calls;
  std::vector<std::string> bodies;
  for (const std::size_t bytes : {0U, 20U, 5'000U, 40'000U, 100'000U}) {
    bodies.push_back(body_of(static_cast<int>(bodies.size()), bytes));
  }
  std::size_t right = 0;
  const auto ask = [](Session* on, const std::string* body, Deadline until,
                      std::size_t* count) -> Task<void> {
    auto keep = on->call("/keep", 's', Bytes(*body), "", until);
    Result<Reply> reply = co_await keep;
    if (reply.ok() && reply->body.view() == *body) ++*count;
  };
  for (const std::string& body : bodies) {
    calls.spawn(ask(&session, &body, core->deadline_after(20s), &right));
  }
  turn_until([&] { return waiting == 5; });

  pass_frames(session, 400);
  release.set();
  turn_until([&] { return calls.running() == 0; });

  EXPECT_EQ(changed, 0);
  EXPECT_EQ(right, bodies.size());
}

TEST_P(SessionLifetimeTest, LeavesTheBodyOfAReplyThatIsKept) {
  Session& session = dial();
  std::list<std::pair<std::string, Reply>> kept;
  for (int i = 0; i < 60; ++i) {
    const std::string body = body_of(i, static_cast<std::size_t>(i * 1500));
    Result<Reply> reply = call(session, "/echo", body);
    ASSERT_TRUE(reply.ok()) << reply.status();
    kept.emplace_back(body, std::move(*reply));
    pass_frames(session, 5);
    if (i % 3 == 0) kept.pop_front();
  }
  for (const auto& [body, reply] : kept) EXPECT_EQ(reply.body.view(), body);
}

TEST_P(SessionLifetimeTest, LeavesAHandlerItsInputWhenItsSessionIsGone) {
  Session& doomed = dial();
  Scope calls;
  const std::string body = body_of(7, 30'000);
  Status ended;
  const auto ask = [](Session* on, const std::string* sent, Status* out) -> Task<void> {
    auto keep = on->call("/keep", 's', Bytes(*sent));
    Result<Reply> reply = co_await keep;
    *out = reply.status();
  };
  calls.spawn(ask(&doomed, &body, &ended));
  turn_until([&] { return waiting == 1; });

  (void)core->run(doomed.close(Deadline(core->now())));
  turn_until([&] { return calls.running() == 0; });
  EXPECT_EQ(ended.reason(), "session.closed");
  EXPECT_EQ(server->session_count(), 1U) << "it lives until its handler ends";
  pass_frames(dial(), 200);
  release.set();
  turn_until([&] { return waiting == 0; });

  EXPECT_EQ(changed, 0);
  turn_until([&] { return server->session_count() == 1; });
}

INSTANTIATE_TEST_SUITE_P(Networks, SessionLifetimeTest, ::testing::Values("127.0.0.1:0", "unix"),
                         [](const auto& param) {
                           return std::string(param.index == 0 ? "Tcp" : "Unix");
                         });

}  // namespace
}  // namespace fairlead::rpc
