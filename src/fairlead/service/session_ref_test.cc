#include "fairlead/service/session_ref.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Device;
using room_test::Party;
using room_test::Pong;
using room_test::Room;

// How a call ended, and on which core.
struct End {
  Status status{Code::kUnknownError, "", "it has not"};
  std::int64_t battery = 0;
  const io::Core* on = nullptr;
};

Task<void> note(Call<Pong> call, End* end) {
  Result<Pong> reply = co_await call;
  end->status = reply.status();
  if (reply.ok()) end->battery = reply->battery;
  end->on = io::Core::current();
}

Task<void> probe(SessionRef session, End* end) {
  auto noting = note(session.as<Device>().probe({.at = 41}), end);
  co_await noting;
}

// A server on two cores with one session of a client on the first.
class SessionRefTest : public ::testing::Test {
 protected:
  SessionRefTest() {
    server.open();
    client.open();
    mine.emplace(client.dial(0, server.listen(0)));
    pass(20ms);
    theirs.emplace(*server.hub.find(mine->id()));
  }
  void pass(Duration time) { testkit::pass_time(client.core(0), time); }
  io::Core& near() { return server.core(0); }  // the session's core
  io::Core& far() { return server.core(1); }

  io::Simulation simulation{1};
  Party server{simulation, "server", 2};
  Party client{simulation, "client", 1};
  std::optional<SessionRef> mine;
  std::optional<SessionRef> theirs;
  End end;
};

TEST_F(SessionRefTest, TheServerCallsItsClientFromAnyCoreAndGoesOnThere) {
  for (io::Core* core : {&near(), &far()}) {
    core->run(probe(*theirs, &end));

    EXPECT_TRUE(end.status.ok()) << end.status;
    EXPECT_EQ(end.battery, 42);
    EXPECT_EQ(end.on, core);
  }
}

TEST_F(SessionRefTest, BothEndsAreEqual) {
  client.core(0).run(probe(*mine, &end));

  EXPECT_EQ(end.battery, 42);
}

TEST_F(SessionRefTest, AHandlerCallsItsCallerBack) {
  const auto ask = [](SessionRef session, End* out) -> Task<void> {
    auto noting = note(session.as<Device>().ask({.at = 4}), out);
    co_await noting;
  };
  client.core(0).run(ask(*mine, &end));

  EXPECT_EQ(end.battery, 41);
}

TEST_F(SessionRefTest, ErrorsComeFromTheOtherCoreToo) {
  const auto hold = [](SessionRef session, End* out) -> Task<void> {
    auto noting = note(session.as<Device>().hold({}, within(30ms)), out);
    co_await noting;
  };
  far().run(hold(*theirs, &end));

  EXPECT_EQ(end.status.code(), Code::kDeadlineExceeded);
}

TEST_F(SessionRefTest, ACallAfterTheEndIsNotSent) {
  theirs->kick("enough");
  pass(50ms);
  for (io::Core* core : {&near(), &far()}) {
    core->run(probe(*theirs, &end));

    EXPECT_EQ(end.status.reason(), "session.closed");
    EXPECT_EQ(end.status.outcome(), Outcome::kNotSent);
  }
  EXPECT_FALSE(theirs->open());
}

TEST_F(SessionRefTest, ACallOfAnotherCoreIsTakenBackByItsToken) {
  CancelSource source;
  Scope scope;
  const auto hold = [](SessionRef session, CancelToken token, End* out) -> Task<void> {
    auto noting =
        note(session.as<Device>().hold({}, within(10s), cancelled_by(std::move(token))), out);
    co_await noting;
  };
  far().post([&] { scope.spawn(hold(*theirs, source.token(), &end)); });
  pass(50ms);
  ASSERT_EQ(client.heard.holding, 1);

  far().post([&] { source.cancel(); });
  pass(50ms);

  EXPECT_EQ(end.status.code(), Code::kCancelled);
  EXPECT_EQ(client.heard.held, std::vector<Code>{Code::kCancelled});
}

TEST_F(SessionRefTest, ACallOfAnotherCoreThatIsDroppedIsTakenBack) {
  std::optional<Call<Pong>> call;
  far().post([&] { call.emplace(theirs->as<Device>().hold({}, within(10s))); });
  pass(50ms);
  ASSERT_EQ(client.heard.holding, 1);

  far().post([&] { call.reset(); });
  pass(50ms);

  EXPECT_EQ(client.heard.holding, 0);
}

TEST_F(SessionRefTest, ACallOfAnotherCoreInheritsWhatItsHandlerHas) {
  CancelSource source;
  Scope scope;
  const auto hold = [](SessionRef session, End* out) -> Task<void> {
    auto noting = note(session.as<Device>().hold({}, within(10s)), out);
    co_await noting;
  };
  far().post([&] {
    const Ambient served{.deadline = far().deadline_after(40ms), .cancel = source.token()};
    const AmbientScope here(&served);
    scope.spawn(hold(*theirs, &end));
  });
  pass(200ms);

  EXPECT_EQ(end.status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(scope.running(), 0U);
}

TEST_F(SessionRefTest, PushesKeepTheirOrderFromWhereverTheyCome) {
  const auto say = [](SessionRef session, const char* from) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      auto push = session.as<Room>().say({.from = from, .text = std::to_string(i)});
      Status pushed = co_await push;
      EXPECT_TRUE(pushed.ok()) << pushed;
    }
  };
  near().run(say(*theirs, "near"));
  far().run(say(*theirs, "far"));
  pass(20ms);

  EXPECT_EQ(client.heard.lines,
            (std::vector<std::string>{"near:0", "near:1", "near:2", "far:0", "far:1", "far:2"}));
}

TEST_F(SessionRefTest, SerialPushesOfAContractEndInTheirOrderThoughTheyWait) {
  const auto say = [](SessionRef session) -> Task<void> {
    for (const char* text : {"30", "1", "10"}) {
      auto push = session.as<Room>().say_in_turn({.from = "x", .text = text});
      Status pushed = co_await push;
      EXPECT_TRUE(pushed.ok()) << pushed;
    }
  };
  near().run(say(*theirs));
  pass(100ms);

  EXPECT_EQ(client.heard.lines, (std::vector<std::string>{"x:30", "x:1", "x:10"}));
}

TEST_F(SessionRefTest, APushAfterTheEndSaysSo) {
  theirs->kick("enough");
  pass(50ms);
  const auto say = [](SessionRef session, Status* out) -> Task<void> {
    auto push = session.as<Room>().say({});
    *out = co_await push;
  };
  for (io::Core* core : {&near(), &far()}) {
    Status status;
    core->run(say(*theirs, &status));
    EXPECT_EQ(status.reason(), "session.closed");
  }
}

TEST_F(SessionRefTest, ValuesAreAtHandOnTheSessionsCoreOnly) {
  const auto look = [](SessionRef session, bool* there) -> Task<void> {
    *there = session.here() != nullptr && session.values() == &session.here()->values();
    co_return;
  };
  bool there = false;
  near().run(look(*theirs, &there));
  EXPECT_TRUE(there);
  far().run(look(*theirs, &there));
  EXPECT_FALSE(there);
  EXPECT_EQ(theirs->values(), nullptr) << "a thread without a core";
}

TEST_F(SessionRefTest, AKickedPeerHearsWhyAndGetsItsReplies) {
  const auto ask = [](SessionRef session, End* out) -> Task<void> {
    auto call = session.as<Device>().ask({.at = 4});
    session.here()->on_leaving([](rpc::Session& on) { (void)on.values().set("left", "yes"); });
    auto noting = note(std::move(call), out);
    co_await noting;
  };
  Scope scope;
  client.core(0).post([&] { scope.spawn(ask(*mine, &end)); });
  testkit::pass_time(client.core(0), 1us);
  bool told = false;
  client.hub.on_closed([&](const SessionRef& session, const Status&) {
    told = session.values()->get("left") == "yes";
  });

  theirs->kick("test");
  pass(100ms);

  EXPECT_TRUE(told);
  EXPECT_FALSE(mine->open());
  EXPECT_EQ(scope.running(), 0U);
}

// Real threads: a program that serves and one that dials it, which the server then calls.
class DialTest : public ::testing::Test {
 protected:
  DialTest() {
    for (auto [process, heard] : {std::pair(&server, &server_heard), {&device, &device_heard}}) {
      Hub& hub = process->sessions();
      EXPECT_TRUE(internal::add_routes<Device>(
                      process->router(), std::make_shared<room_test::DeviceLogic>(heard, &hub))
                      .ok());
    }
    Spec spec;
    spec.cores = 2;
    spec.log_level = "off";
    spec.listen = {"unix:" + path};
    EXPECT_TRUE(server.start(spec).ok());
    EXPECT_TRUE(server.serve(false).ok());
    spec.listen.clear();
    EXPECT_TRUE(device.start(spec).ok());
  }
  std::string path = ::testing::TempDir() + "fl_dial_" + std::to_string(getpid()) + ".sock";
  room_test::Heard server_heard;
  room_test::Heard device_heard;
  Process server{"server"};
  Process device{"device"};
};

TEST_F(DialTest, AThreadCallsBothWaysOverALinkThatItDialled) {
  const Result<SessionRef> link = device.dial("unix:" + path, {});
  ASSERT_TRUE(link.ok()) << link.status();

  EXPECT_EQ(link->as<Device>().ask({.at = 4}, within(5s)).get()->battery, 41);

  std::optional<SessionRef> accepted;
  server.sessions().for_each([&](const SessionRef& each) { accepted = each; });
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->as<Device>().probe({.at = 1}, within(5s)).get()->battery, 2);
}

// What may happen at the same time on threads and cores; it is the thread sanitizer that looks.
TEST_F(DialTest, ThreadsNameFindCallTellAndKickAtOnce) {
  constexpr int kRounds = 30;
  std::atomic<int> lost{0};
  const auto work = [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      server.sessions().for_each([&](const SessionRef& each) {
        (void)each.set_id("id " + std::to_string((thread + round) % 5));
        const auto reply = each.as<Device>().probe({.at = 1}, within(5s)).get();
        if (reply.status().code() == Code::kDeadlineExceeded) ++lost;
        if (round % 10 == 9) each.kick("test");
      });
      if (!server.sessions().all<Room>().say({.from = "x"}).get().ok()) ++lost;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work, i);
  for (int i = 0; i < kRounds; ++i) (void)device.dial("unix:" + path, {});
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(lost, 0);
}

TEST_F(DialTest, AMistakeIsToldAtOnce) {
  EXPECT_EQ(device.dial("nowhere", {}).status().reason(), "address.bad");
  EXPECT_EQ(device.dial("unix:/no/such/socket", {}).status().code(), Code::kDialFailed);
}

}  // namespace
}  // namespace fairlead::service
