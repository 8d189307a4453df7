// A peer that has to give up some work: short of memory, or with too many handlers that wait.
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMemoryMax = 1U << 30U;

class PressureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    add(wire::Kind::kCall, "/echo", [](Context&) { return Status(); });
    add(wire::Kind::kPush, "/tell", [this](Context&) {
      ++told;
      return Status();
    });
    add(wire::Kind::kCall, "/wait", [](Context& context) { return wait(context); });
  }
  void TearDown() override {
    (void)far.run(client.close(far.deadline_after(5s)));
    (void)near.run(server->close(near.deadline_after(5s)));
    listener.reset();
  }
  void add(wire::Kind kind, std::string_view method, auto function) {
    ASSERT_TRUE(router.add(kind, method, make_handler(function)).ok());
  }
  static Task<Status> wait(Context& context) {
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(1s));
    co_return slept;
  }
  void start(Guards guards = {}) {
    server.emplace(near, router,
                   PeerOptions{.hello = true, .guards = guards, .bounds = bounds.get()}, metrics);
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> made) {
                             server->accept(std::move(made));
                           })
                   .value();
    session = far.run(client.dial(listener->local(), far.deadline_after(5s))).value();
    ASSERT_EQ(call({}), Status()) << "the hello is over";
  }
  void press(Pressure pressure) {
    auto set = [](Peer* peer, Pressure how) -> Task<void> {
      peer->set_pressure(how, kMemoryMax);
      co_return;
    };
    near.run(set(&*server, pressure));
  }
  Status call(std::string metadata, std::string method = "/echo") {
    return call_over(*session, std::move(metadata), std::move(method));
  }
  Status call_over(Session& link, std::string metadata, std::string method) {
    auto calling =
        link.call(std::move(method), 's', Bytes(), std::move(metadata), far.deadline_after(5s));
    return far.run(std::move(calling)).status();
  }

  io::Simulation network{1};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  observe::Registry registry;
  Metrics metrics = Metrics::make(registry).value();
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  Router router;
  Router no_routes;
  std::optional<Peer> server;
  Peer client{far, no_routes, {.hello = true}};
  std::unique_ptr<io::Listener> listener;
  Session* session = nullptr;
  int told = 0;
};

TEST_F(PressureTest, FirstWhatMayBeShedIsRefused) {
  start();
  press(Pressure::kShed);

  const Status shed = call("X-Fl-Class=sheddable");
  EXPECT_EQ(shed.code(), Code::kOverloaded);
  EXPECT_EQ(shed.reason(), "process.memory");
  EXPECT_EQ(shed.outcome(), Outcome::kNotProcessed);
  EXPECT_EQ(bounds->hits(observe::Bound::kMemory), 1U);
  for (const char* served : {"", "X-Fl-Class=sheddable_plus", "X-Fl-Class=critical",
                             "X-Fl-Class=critical_plus", "X-Fl-Class=other", "x=sheddable"}) {
    EXPECT_EQ(call(served), Status()) << served;
  }
}

TEST_F(PressureTest, ThenAllThatIsNotCritical) {
  start();
  press(Pressure::kRefuse);

  EXPECT_EQ(call("X-Fl-Class=sheddable").reason(), "process.memory");
  EXPECT_EQ(call("X-Fl-Class=sheddable_plus").reason(), "process.memory");
  EXPECT_EQ(call("X-Fl-Class=critical"), Status());
  EXPECT_EQ(call({}), Status());
}

TEST_F(PressureTest, PushesAreDroppedAndCounted) {
  start();
  press(Pressure::kShed);
  ASSERT_TRUE(session
                  ->push({.method = "/tell", .body_codec = 's', .metadata = "X-Fl-Class=sheddable"},
                         Bytes())
                  .ok());
  ASSERT_EQ(call({}), Status());

  EXPECT_EQ(told, 0);
  EXPECT_EQ(metrics.pushes_failed.value(), 1U);
}

TEST_F(PressureTest, ItEnds) {
  start();
  press(Pressure::kRefuse);
  press(Pressure::kNone);

  EXPECT_EQ(call("X-Fl-Class=sheddable"), Status());
}

class HandlersLimitTest : public PressureTest {
 protected:
  // Calls a handler that waits; its end is in `ends`.
  void begin_wait(Session& link) {
    auto waiting = [](Session* on, io::Core* core, std::vector<Status>* out) -> Task<void> {
      auto calling = on->call("/wait", 's', Bytes(), {}, core->deadline_after(5s));
      Result<Reply> reply = co_await calling;
      out->push_back(reply.status());
    };
    far.spawn(waiting(&link, &far, &ends));
  }
  void end_waits(std::size_t count) {
    while (ends.size() < count) far.turn(Deadline(network.now() + 1s));
    EXPECT_EQ(ends, std::vector<Status>(count));
  }

  std::vector<Status> ends;
};

TEST_F(HandlersLimitTest, MoreThatWaitAreRefusedAndPlainOnesServed) {
  start({.handlers_max = 2});
  begin_wait(*session);
  begin_wait(*session);

  const Status third = call({}, "/wait");
  EXPECT_EQ(third.code(), Code::kOverloaded);
  EXPECT_EQ(third.reason(), "peer.handlers");
  EXPECT_EQ(third.outcome(), Outcome::kNotProcessed);
  EXPECT_EQ(bounds->hits(observe::Bound::kHandlers), 1U);
  EXPECT_EQ(call({}), Status());

  end_waits(2);
  EXPECT_EQ(call({}, "/wait"), Status()) << "there is room again";
}

// As in a process: one accepts, the other one dials, and both serve the same routes.
TEST_F(HandlersLimitTest, TwoPeersOfACoreMayHaveOneTogether) {
  start({.handlers_max = 2});
  Peer dials(near, router,
             {.hello = true, .guards = {.handlers_max = 2}, .handlers_with = &*server});
  Session* dialled = nullptr;
  auto at_client = far.listen(io::Address::loopback(0), {},
                              [&](io::Core&, std::unique_ptr<io::Stream> made) {
                                dialled = &client.accept(std::move(made));
                              })
                       .value();
  ASSERT_TRUE(near.run(dials.dial(at_client->local(), near.deadline_after(5s))).ok());
  while (dialled == nullptr) far.turn(Deadline(network.now() + 1s));
  begin_wait(*session);
  begin_wait(*dialled);
  ASSERT_EQ(call({}), Status()) << "behind what waits, on each link";
  ASSERT_EQ(call_over(*dialled, {}, "/echo"), Status());

  EXPECT_EQ(call_over(*dialled, {}, "/wait").reason(), "peer.handlers");
  EXPECT_EQ(call({}, "/wait").reason(), "peer.handlers");

  end_waits(2);
  begin_wait(*dialled);
  begin_wait(*dialled);
  ASSERT_EQ(call_over(*dialled, {}, "/echo"), Status());
  EXPECT_EQ(call({}, "/wait").reason(), "peer.handlers") << "whoever has them";
  end_waits(4);
  EXPECT_TRUE(near.run(dials.close(near.deadline_after(5s))).ok());
}

TEST(Guards, RefuseValuesThatMakeNoSense) {
  EXPECT_TRUE(Guards().validate().ok());
  EXPECT_EQ(Guards{.frame_time_max = 0s}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(Guards{.slow_reader_after = 0s}.validate().reason(), "peer.bad_option");
  EXPECT_EQ(Guards{.handlers_max = 0}.validate().reason(), "peer.bad_option");
}

}  // namespace
}  // namespace fairlead::rpc
