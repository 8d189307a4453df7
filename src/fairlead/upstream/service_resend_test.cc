// Messages to a service that outlive their session: the endpoint is dialled again for them.
#include <array>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"
#include "fairlead/upstream/service.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::UnorderedElementsAre;

// Two copies, of which each can be cut, stopped and started, and their caller, on virtual time.
class ServiceResendTest : public ::testing::Test {
 protected:
  struct Copy {
    io::Core* core = nullptr;
    int port = 0;
    int served = 0;
    std::vector<std::string> notes;
    Event release;
    rpc::Router router;
    std::optional<rpc::DuplicateWindows> windows;
    std::optional<rpc::Peer> peer;
    std::unique_ptr<io::Listener> listener;
  };

  void SetUp() override {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      Copy& copy = copies[i];
      copy.core = &simulation.add_core("copy " + std::to_string(i));
      copy.port = 700 + static_cast<int>(i);
      const auto hold = [&copy](rpc::Context& context) { return held(&copy, &context); };
      const auto note = [&copy](rpc::Context& context) {
        copy.notes.emplace_back(context.body());
        return Status();
      };
      ASSERT_TRUE(copy.router.add(wire::Kind::kCall, "/hold", rpc::make_handler(hold)).ok());
      ASSERT_TRUE(copy.router.add(wire::Kind::kPush, "/note", rpc::make_handler(note)).ok());
      ASSERT_TRUE(copy.router.add(wire::Kind::kPush, "/hold", rpc::make_handler(hold)).ok());
      start(i);
    }
    peer.emplace(core, nothing, rpc::PeerOptions{.call_timeout = 30s, .hello = true},
                 rpc::Metrics::make(registry).value());
    service.emplace(*peer, "test",
                    ServiceOptions{.dial = {.redial = {.first_wait_min = 10ms,
                                                       .first_wait_max = 100ms,
                                                       .backoff_max = 200ms,
                                                       .stable = 0ms}},
                                   .delivery = rpc::DeliveryMode::kAtLeastOnce});
  }
  static Task<Status> held(Copy* copy, rpc::Context* context) {
    ++copy->served;
    Status waited =
        co_await copy->release.wait(context->core().timers(), Deadline(), context->cancel());
    if (waited.ok() && context->kind() == wire::Kind::kCall) {
      context->reply_with('s', context->body_bytes());
    }
    co_return waited;
  }
  void TearDown() override {
    (void)core.run(service->close(core.deadline_after(1s)));
    (void)core.run(peer->close(core.deadline_after(1s)));
    for (std::size_t i = 0; i < copies.size(); ++i) stop(i);
  }
  void start(std::size_t index) {
    Copy& copy = copies[index];
    copy.windows.emplace();
    copy.peer.emplace(*copy.core, copy.router,
                      rpc::PeerOptions{.hello = true, .windows = &*copy.windows});
    const auto at = io::Address::parse("127.0.0.1:" + std::to_string(copy.port)).value();
    copy.listener = copy.core
                        ->listen(at, {},
                                 [&copy](io::Core&, std::unique_ptr<io::Stream> stream) {
                                   copy.peer->accept(std::move(stream));
                                 })
                        .value();
  }
  void stop(std::size_t index) {
    Copy& copy = copies[index];
    copy.listener.reset();
    if (copy.peer.has_value()) (void)copy.core->run(copy.peer->close(Deadline(copy.core->now())));
    copy.peer.reset();
    copy.windows.reset();
  }
  void cut(std::size_t index) {
    Copy& copy = copies[index];
    copy.peer->for_each_session(
        [&](rpc::Session& one) { copy.core->spawn(close_now(&one, copy.core)); });
    pass(5ms);
  }
  static Task<void> close_now(rpc::Session* session, io::Core* core) {
    Status closed = co_await session->close(Deadline(core->now()));
    (void)closed;
  }
  void use(std::size_t count) {
    EndpointSet endpoints;
    for (std::size_t i = 0; i < count; ++i) {
      endpoints.push_back(
          {.id = std::to_string(i),
           .address = io::Address::parse("127.0.0.1:" + std::to_string(copies[i].port)).value()});
    }
    service->update(std::make_shared<const EndpointSet>(std::move(endpoints)));
  }
  struct Ended {
    int times = 0;
    Status status;
    std::string body;
  };
  Task<void> ask(Ended* ended, std::string body, Duration within = 20s) {
    RawRequest request{.method = "/hold", .body_codec = 's', .body = Bytes(body)};
    Result<rpc::Reply> reply =
        co_await service->call(std::move(request), core.deadline_after(within));
    ++ended->times;
    ended->status = reply.status();
    if (reply.ok()) ended->body = reply->body.view();
  }
  Task<void> tell(Ended* ended, std::string body, std::string method = "/note") {
    RawRequest request{.method = std::move(method), .body_codec = 's', .body = Bytes(body)};
    ended->status = co_await service->push(std::move(request), core.deadline_after(20s));
    ++ended->times;
  }
  void go_away(std::size_t index) {
    copies[index].peer->for_each_session([](rpc::Session& one) { one.go_away("test"); });
  }
  Task<void> release_later(std::size_t index, Duration time) {
    co_await sleep(&core, time);
    copies[index].release.set();
  }
  void pass(Duration time) { testkit::pass_time(core, time); }
  static Task<void> sleep(io::Core* on, Duration time) {
    Status slept = co_await Sleep(on->timers(), on->deadline_after(time));
    EXPECT_TRUE(slept.ok());
  }

  io::Simulation simulation{1};
  std::array<Copy, 2> copies;
  io::Core& core = simulation.add_core("caller");
  observe::Registry registry;
  rpc::Router nothing;
  std::optional<rpc::Peer> peer;
  std::optional<Service> service;
};

TEST_F(ServiceResendTest, ACallWhoseLinkIsCutIsAnsweredOverTheNext) {
  use(1);
  Ended ended;
  core.spawn(ask(&ended, "a"));
  pass(50ms);
  ASSERT_EQ(copies[0].served, 1);
  cut(0);
  pass(500ms);  // it is dialled again without anybody asking
  copies[0].release.set();
  pass(50ms);

  EXPECT_EQ(ended.status, Status());
  EXPECT_EQ(ended.body, "a");
  EXPECT_EQ(copies[0].served, 1);
}

TEST_F(ServiceResendTest, ItIsNotServedByAnotherCopy) {
  use(2);
  Ended ended;
  core.spawn(ask(&ended, "a"));
  pass(50ms);
  const std::size_t at = copies[0].served == 1 ? 0 : 1;
  cut(at);
  pass(500ms);

  EXPECT_EQ(copies[0].served + copies[1].served, 1);
  copies[at].release.set();
  pass(50ms);
  EXPECT_EQ(ended.body, "a");
}

TEST_F(ServiceResendTest, ARestartedCopyDoesNotServeItAgain) {
  use(1);
  Ended ended;
  core.spawn(ask(&ended, "a"));
  pass(50ms);
  stop(0);
  pass(500ms);
  EXPECT_EQ(ended.times, 0) << "it may come back with its window";
  start(0);
  pass(2s);

  EXPECT_EQ(ended.status.code(), Code::kConnectionClosed);
  EXPECT_EQ(ended.status.outcome(), Outcome::kUnknown);
  EXPECT_EQ(copies[0].served, 1);
}

TEST_F(ServiceResendTest, APushIsAcknowledgedThroughACut) {
  use(1);
  Ended first;
  Ended second;
  core.spawn(tell(&first, "1"));
  pass(50ms);
  EXPECT_EQ(first.times, 1);
  core.spawn(tell(&second, "2"));
  cut(0);
  pass(2s);

  EXPECT_EQ(second.times, 1);
  EXPECT_EQ(second.status, Status());
  EXPECT_EQ(copies[0].notes, (std::vector<std::string>{"1", "2"}));
}

TEST_F(ServiceResendTest, WhatAPushThatSaysNothingLosesWithItsLinkIsCounted) {
  service->update(ServiceOptions{});
  use(1);
  Ended small;
  core.run(tell(&small, "a"));
  pass(50ms);
  EXPECT_EQ(peer->metrics().output_lost_bytes.value(), 0U);

  Ended large;
  core.run(tell(&large, std::string(1024 * 1024, 'b')));
  EXPECT_EQ(large.status, Status()) << "it was written";
  cut(0);

  EXPECT_EQ(copies[0].notes.size(), 1U);
  EXPECT_GT(peer->metrics().output_lost_bytes.value(), 512U * 1024);
}

TEST_F(ServiceResendTest, WhoIsGoneFromTheSetIsNotWaitedFor) {
  use(1);
  Ended ended;
  core.spawn(ask(&ended, "a"));
  pass(50ms);
  stop(0);
  pass(50ms);
  use(0);
  pass(50ms);

  EXPECT_EQ(ended.status.reason(), "resend.closed");
  EXPECT_EQ(ended.status.outcome(), Outcome::kUnknown);
}

TEST_F(ServiceResendTest, ACallToWhoIsGoneFromTheSetEndsHoweverLongItTakes) {
  use(1);
  Ended ended;
  core.spawn(ask(&ended, "a", 60s));
  pass(50ms);
  use(0);
  pass(40s);
  EXPECT_EQ(ended.times, 0);
  copies[0].release.set();
  pass(200ms);

  EXPECT_EQ(ended.status, Status());
  EXPECT_EQ(ended.body, "a");
  EXPECT_EQ(copies[0].peer->session_count(), 0U);
}

// A PUSH that is served when the last session to its copy is told to end by `told_to_end`.
class LastSessionTest : public ServiceResendTest {
 protected:
  void expect_acknowledged(Duration longer_than, const std::function<void()>& told_to_end) {
    use(1);
    Ended ended;
    core.spawn(tell(&ended, "a", "/hold"));
    pass(50ms);
    copies[0].listener.reset();
    told_to_end();
    pass(longer_than);
    EXPECT_EQ(ended.times, 0);
    copies[0].release.set();
    pass(200ms);

    EXPECT_EQ(ended.times, 1);
    EXPECT_EQ(ended.status, Status());
    EXPECT_EQ(copies[0].served, 1);
  }
};

TEST_F(LastSessionTest, APushIsAcknowledgedWhenItsPeerGoesAway) {
  expect_acknowledged(5s, [this] { go_away(0); });
}

TEST_F(LastSessionTest, APushIsAcknowledgedWhenItHasBecomeOld) {
  peer->update({.call_timeout = 30s, .hello = true, .session_age = 2s});
  expect_acknowledged(10s, [] {});  // by its age
}

TEST_F(ServiceResendTest, ClosingWaitsForAcknowledgements) {
  use(1);
  Ended ended;
  core.spawn(tell(&ended, "a", "/hold"));
  pass(50ms);
  core.spawn(release_later(0, 2s));

  EXPECT_TRUE(core.run(service->close(core.deadline_after(5s))).ok());
  EXPECT_EQ(ended.times, 1);
  EXPECT_EQ(ended.status, Status());
}

TEST_F(ServiceResendTest, NewRulesHoldForWhatComes) {
  use(1);
  Ended first;
  Ended second;
  core.spawn(ask(&first, "a"));
  pass(50ms);
  service->update(rpc::ResendOptions{.messages_max = 1});
  core.spawn(ask(&second, "b"));
  pass(50ms);

  EXPECT_EQ(first.times, 0);
  EXPECT_EQ(second.status.reason(), "resend.full");
  (void)core.run(service->close(core.deadline_after(1s)));  // while both can hear it
}

// The first session becomes old while the second one is young: new messages take that one.
TEST_F(ServiceResendTest, ASessionThatHasBecomeOldIsGivenNoMessage) {
  peer->update({.call_timeout = 30s, .hello = true, .session_age = 2s});
  ServiceOptions options;
  options.connections_max = 2;
  options.delivery = rpc::DeliveryMode::kAtLeastOnce;
  use(1);
  std::array<Ended, 3> ended;
  core.spawn(ask(&ended[0], "a"));
  pass(1s);
  service->update(options);
  core.spawn(ask(&ended[1], "b"));  // the second session is dialled beside it
  pass(1200ms);
  ASSERT_EQ(service->session_count(), 1U) << "the other one is old";

  core.spawn(ask(&ended[2], "c"));
  pass(100ms);
  std::vector<std::size_t> served;
  copies[0].peer->for_each_session(
      [&served](const rpc::Session& one) { served.push_back(one.handlers_running()); });
  EXPECT_THAT(served, UnorderedElementsAre(2U, 1U));

  copies[0].release.set();
  pass(100ms);
  for (const Ended& one : ended) EXPECT_TRUE(one.status.ok() && one.times == 1) << one.status;
}

TEST_F(ServiceResendTest, ClosingEndsThoseInTheLine) {
  use(1);
  Ended ended;
  core.spawn(ask(&ended, "a"));
  pass(50ms);
  (void)core.run(service->close(core.deadline_after(1s)));

  EXPECT_EQ(ended.times, 1);
  EXPECT_EQ(ended.status.outcome(), Outcome::kUnknown);
}

}  // namespace
}  // namespace fairlead::upstream
