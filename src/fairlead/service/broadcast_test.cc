#include "fairlead/service/broadcast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using room_test::Party;
using room_test::Room;
using ::testing::ElementsAre;

// Reads nothing, or keeps what it reads.
struct Probe final : io::StreamHandler {
  io::ReadResult on_read(const Bytes& input) override {
    received.append(input.view());
    return {input.size(), 0};
  }
  void on_end() override {}
  void on_close(Status) override {}
  std::unique_ptr<io::Stream> stream;
  std::string received;
};

// A server on two cores; each client is a program of its own.
class BroadcastTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server.hub.set_options({.broadcast_queue_bytes_max = 100'000});
    server.open();
    at = {server.listen(0), server.listen(1)};
    for (const char* name : {"a", "b", "c"}) {
      clients.push_back(std::make_unique<Party>(simulation, name, 1));
      clients.back()->open();
      links.push_back(clients.back()->dial(0, at[links.size() % 2]));
      pass(20ms);
      EXPECT_TRUE(server.hub.find(links.back().id())->set_id(name).ok());
    }
  }
  void TearDown() override {
    probe.stream.reset();
    links.clear();
    clients.clear();
  }
  void pass(Duration time) { testkit::pass_time(server.core(0), time); }
  void connect_probe(const char* protocol) {
    io::Core& core = clients[0]->core(0);
    const io::Address where = server.listen(0, "127.0.0.1:0", protocol);
    probe.stream = core.run(core.connect(where, Deadline(), {})).value();
    probe.stream->start(probe);
    pass(20ms);
  }
  // Says it on the server's first core and waits for the end.
  template <class Stub>
  Result<BroadcastResult> say(Stub stub, std::string text) {
    const auto body = [](Stub to, std::string what, Result<BroadcastResult>* out) -> Task<void> {
      auto broadcast = to.say({.from = "x", .text = std::move(what)});
      *out = co_await broadcast;
    };
    Result<BroadcastResult> result = Status(Code::kUnknownError, "", "");
    server.core(0).run(body(std::move(stub), std::move(text), &result));
    pass(50ms);
    return result;
  }
  const std::vector<std::string>& lines(std::size_t client) { return clients[client]->heard.lines; }

  io::Simulation simulation{1, {.window_bytes = 20'000}};
  Party server{simulation, "server", 2};
  std::vector<io::Address> at;
  std::vector<std::unique_ptr<Party>> clients;
  std::vector<SessionRef> links;
  Probe probe;
};

TEST_F(BroadcastTest, ReachesEverySessionOfEveryCoreOnce) {
  const Result<BroadcastResult> result = say(server.hub.all<Room>(), "hello");

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->sent, 3U);
  EXPECT_EQ(result->skipped + result->failed, 0U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_THAT(lines(i), ElementsAre("x:hello"));
}

TEST_F(BroadcastTest, LeavesOneOut) {
  EXPECT_EQ(say(server.hub.all_but<Room>("b"), "hello")->sent, 2U);
  EXPECT_EQ(say(server.hub.all_but<Room>("nobody"), "again")->sent, 3U);

  EXPECT_THAT(lines(0), ElementsAre("x:hello", "x:again"));
  EXPECT_THAT(lines(1), ElementsAre("x:again"));
}

TEST_F(BroadcastTest, ReachesThoseOfWhomAPredicateSaysSo) {
  for (const char* name : {"a", "c"}) {
    server.hub.find(name)->visit(
        [](rpc::Session& session) { ASSERT_TRUE(session.values().set("room", "lobby").ok()); });
  }
  pass(10ms);

  const auto in_the_lobby = [](const rpc::Session& session) {
    return session.values().get("room") == "lobby";
  };
  EXPECT_EQ(say(server.hub.some<Room>(in_the_lobby), "hello")->sent, 2U);

  EXPECT_THAT(lines(1), ElementsAre());
  EXPECT_THAT(lines(2), ElementsAre("x:hello"));
}

TEST_F(BroadcastTest, ASessionSeesBroadcastsInTheirOrder) {
  const auto many = [](Hub* hub) -> Task<void> {
    for (int i = 0; i < 50; ++i) hub->all<Room>().say({.from = "x", .text = std::to_string(i)});
    co_return;
  };
  server.core(1).run(many(&server.hub));
  pass(100ms);

  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) expected.push_back("x:" + std::to_string(i));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(lines(i), expected);
}

TEST_F(BroadcastTest, SkipsAndCountsWhoDoesNotRead) {
  connect_probe("raw");
  probe.stream->pause();
  const std::string text(10'000, 't');
  std::size_t skipped = 0;
  for (int i = 0; i < 40; ++i) {
    const Result<BroadcastResult> result = say(server.hub.all<Room>(), text);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->sent + result->skipped, 4U);
    skipped += result->skipped;
  }

  EXPECT_EQ(lines(0).size(), 40U) << "others miss nothing";
  EXPECT_GE(skipped, 26U);  // the window and the queue hold about 12
  EXPECT_LE(skipped, 30U);
  EXPECT_LE(simulation.unsent_bytes_peak(), 100'000U + text.size() + 100);
}

TEST_F(BroadcastTest, SkipsByTheLimitOfTheMoment) {
  connect_probe("raw");
  probe.stream->pause();
  const std::string text(10'000, 't');
  server.hub.update_broadcast_queue(10'000'000);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(say(server.hub.all<Room>(), text)->skipped, 0U);

  server.hub.update_broadcast_queue(0);
  EXPECT_EQ(say(server.hub.all<Room>(), text)->skipped, 1U);

  server.hub.update_broadcast_queue(10'000'000);
  EXPECT_EQ(say(server.hub.all<Room>(), text)->skipped, 0U);
}

TEST_F(BroadcastTest, SpeaksTheProtocolOfEachSessionAndItsCodec) {
  connect_probe("json");

  EXPECT_EQ(say(server.hub.all<Room>(), "hello")->sent, 4U);

  EXPECT_THAT(lines(0), ElementsAre("x:hello"));
  EXPECT_THAT(probe.received, ::testing::HasSubstr("/room/say"));
  EXPECT_THAT(probe.received, ::testing::HasSubstr(R"(\"text\":\"hello\")"));
}

TEST_F(BroadcastTest, LargeBodiesAreSharedAndArriveWhole) {
  const std::string text(18'000, 'l');  // from 16 KiB on

  EXPECT_EQ(say(server.hub.all<Room>(), text)->sent, 3U);
  pass(500ms);

  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(lines(i).size(), 1U);
    EXPECT_TRUE(lines(i)[0] == "x:" + text);
  }
}

TEST_F(BroadcastTest, CountsSessionsThatEndedMeanwhile) {
  server.hub.find("b")->visit([](rpc::Session& session) {
    session.peer().send_away(session, "test", session.core().deadline_after(1s));
  });
  const Result<BroadcastResult> result = say(server.hub.all<Room>(), "hello");

  EXPECT_EQ(result->sent, 2U);
  EXPECT_LE(result->failed, 1U);
}

TEST_F(BroadcastTest, RefusesMoreThanAreBoundedBy) {
  const auto many = [](Hub* hub, std::size_t* refused) -> Task<void> {
    const std::string text(1'000'000, 't');
    for (int i = 0; i < 70; ++i) {
      auto broadcast = hub->all<Room>().say({.from = "x", .text = text});
      std::move(broadcast).then([refused](const Result<BroadcastResult>& result) {
        if (result.status().reason() == "broadcast.inflight") ++*refused;
      });
    }
    co_return;
  };
  std::size_t refused = 0;
  server.core(0).run(many(&server.hub, &refused));
  pass(10ms);
  EXPECT_EQ(refused, 3U) << "64 MiB hold 67 of a million bytes";

  EXPECT_TRUE(say(server.hub.all<Room>(), "hello").ok()) << "the others have ended";
}

TEST(SealedBroadcast, IsReadByThoseWhoHaveTheKey) {
  const rpc::SecureBodies bodies(rpc::SecureKeys{
      .ring = wire::KeyRing::parse("one a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=").value()});
  io::Simulation simulation{1};
  Party server{simulation, "server", 1, {.hello = true, .secure = &bodies}};
  Party friendly{simulation, "friend", 1, {.hello = true, .secure = &bodies}};
  Party stranger{simulation, "stranger", 1};
  for (Party* party : {&server, &friendly, &stranger}) party->open();
  const io::Address at = server.listen(0);
  for (Party* party : {&friendly, &stranger}) (void)party->dial(0, at);
  testkit::pass_time(server.core(0), 20ms);

  const auto say = [](Hub* hub, Result<BroadcastResult>* out) -> Task<void> {
    auto broadcast = hub->all<Room>().say({.from = "x", .text = "secret"}, sealed());
    *out = co_await broadcast;
  };
  Result<BroadcastResult> result = Status(Code::kUnknownError, "", "");
  server.core(0).run(say(&server.hub, &result));
  testkit::pass_time(server.core(0), 20ms);

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->sent, 2U);
  EXPECT_THAT(friendly.heard.lines, ElementsAre("x:secret"));
  EXPECT_THAT(stranger.heard.lines, ElementsAre()) << "sealed, and it has no key";
}

}  // namespace
}  // namespace fairlead::service
