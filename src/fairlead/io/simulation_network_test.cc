// What the simulated network does to a connection; each kind of trouble alone.
#include <set>

#include "fairlead/io/simulation_fixture.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

TEST_F(SimulationTest, TellsBothSidesOfAReset) {
  make(4, {.reset_chance = 1});
  send("lost");
  pass(1s);
  EXPECT_EQ(client->why.reason(), "connection.reset");
  EXPECT_EQ(server->why.reason(), "connection.reset");
}

// As over sockets: a write may be the first to meet a reset, and says nothing in its own call.
TEST_F(SimulationTest, TellsOfAnEndThatAWriteMeetsWhenTheTurnEnds) {
  const std::string much(Stream::kFlushBytes, 'x');
  int met = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    make(seed, {.reset_chance = 1});
    send(much);
    send(much);
    EXPECT_FALSE(client->closed) << "seed " << seed;
    near->turn(Deadline(simulation->now()));
    met += client->closed ? 1 : 0;
    pass(1s);
    EXPECT_EQ(client->why.reason(), "connection.reset");
    EXPECT_EQ(server->why.reason(), "connection.reset");
    TearDown();
  }
  EXPECT_GT(met, 0) << "sometimes the write meets it";
  EXPECT_LT(met, 20) << "sometimes the read does";
}

TEST_F(SimulationTest, WritingMuchBehindItsEndTellsNothingEither) {
  const std::string much(Stream::kFlushBytes, 'x');
  make(1, {.window_bytes = 4 * Stream::kFlushBytes});
  client->stream->close();
  send(much);
  EXPECT_FALSE(client->closed);
  pass(1s);
  EXPECT_TRUE(client->closed);
  TearDown();

  make(2);
  client->stream->abort(Status(Code::kTooLarge, "test.abort", ""));
  send(much);
  EXPECT_FALSE(client->closed);
  pass(1s);
  EXPECT_EQ(client->why.reason(), "test.abort");
}

// A frame may be cut at any of its bytes: over some seeds each of them is where it happens.
TEST_F(SimulationTest, CutsAtEveryByte) {
  const std::string frame = "0123456789";
  std::set<std::size_t> cuts;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    make(seed, {.segment_bytes_max = frame.size(), .reset_chance = 1});
    send(frame);
    pass(1s);
    EXPECT_EQ(server->received, frame.substr(0, server->received.size())) << "seed " << seed;
    cuts.insert(server->received.size());
    TearDown();
  }
  EXPECT_EQ(cuts.size(), frame.size() + 1);
}

TEST_F(SimulationTest, TellsAtMostOneSideOfALoss) {
  std::set<std::pair<bool, bool>> told;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    make(seed, {.lost_chance = 1});
    send("lost");
    pass(1s);
    told.emplace(client->closed, server->closed);
    TearDown();
  }
  const std::set<std::pair<bool, bool>> expected = {{false, false}, {true, false}, {false, true}};
  EXPECT_EQ(told, expected);
}

TEST_F(SimulationTest, LeavesAHalfOpenConnectionSilentUntilTheSystemGivesUp) {
  make(5, {.half_open_chance = 1});
  send("lost");
  pass(29s);
  EXPECT_FALSE(client->closed);
  pass(2s);
  EXPECT_EQ(client->why.reason(), "connection.timeout");
  EXPECT_FALSE(server->closed) << "nobody tells the other side";
  EXPECT_EQ(server->received, "");
}

TEST_F(SimulationTest, TakesNoMoreThanAWindowForAHalfOpenConnection) {
  make(6, {.window_bytes = 1000, .half_open_chance = 1});
  send(std::string(5000, 'x'));
  pass(1s);
  EXPECT_EQ(client->stream->unsent_bytes(), 4000U);
  EXPECT_EQ(simulation->unsent_bytes_peak(), 5000U);
}

TEST_F(SimulationTest, KeepsAReaderStuckUntilItsConnectionIsReset) {
  make(7, {.window_bytes = 1000, .stuck_chance = 1});
  send(std::string(5000, 'x'));
  pass(3600s);
  EXPECT_EQ(server->received, "");
  EXPECT_EQ(client->stream->unsent_bytes(), 4000U);

  client->stream->abort(Status(Code::kConnectionClosed, "test.enough", ""));
  pass(1s);
  EXPECT_EQ(client->why.reason(), "test.enough");
  EXPECT_FALSE(server->closed) << "the end lies behind bytes that it never reads";
  server->stream->abort(Status(Code::kConnectionClosed, "test.enough", ""));
  pass(1s);
  EXPECT_TRUE(server->closed);
}

TEST_F(SimulationTest, CarriesNoMoreThanItsRate) {
  make(8, {.bytes_per_second = 10'000});
  send(std::string(20'000, 'r'));
  pass(1900ms);
  EXPECT_LT(server->received.size(), 20'000U);
  EXPECT_GT(server->received.size(), 15'000U);
  pass(200ms);
  EXPECT_EQ(server->received.size(), 20'000U);
}

TEST_F(SimulationTest, ConnectsUnixSocketsToo) {
  make(9, {}, "unix:/run/simulated.sock");
  send("local");
  pass(1s);
  EXPECT_EQ(client->received, "local");
  EXPECT_EQ(client->stream->peer().to_text(), "unix:/run/simulated.sock");
  EXPECT_TRUE(server->stream->peer().is_unix());
  EXPECT_EQ(server->stream->peer().unix_path(), "");
}

TEST_F(SimulationTest, ResetsWhoseBytesWereNeverRead) {
  make(10);
  pass(10ms);
  server->stream->pause();
  send("never read");
  pass(1s);
  server->stream->abort(Status(Code::kConnectionClosed, "test.gone", ""));
  far->turn(Deadline(simulation->now()));
  pass(1s);
  EXPECT_EQ(client->why.reason(), "connection.reset");
}

TEST_F(SimulationTest, ResetsWhoSendsToASideThatIsGone) {
  make(15);
  pass(10ms);
  client->stream->pause();  // does not notice the end
  server->stream->abort(Status(Code::kConnectionClosed, "test.gone", ""));
  far->turn(Deadline(simulation->now()));
  pass(1s);
  send("too late");
  pass(1s);
  EXPECT_EQ(client->why.reason(), "connection.reset");
}

TEST_F(SimulationTest, TakesSomeMoreFromAPeerAfterAnOrderlyClose) {
  make(11, {.window_bytes = 1000});
  pass(10ms);
  server->stream->close();
  send(std::string(100'000, 'l'));
  pass(10s);
  EXPECT_TRUE(client->closed);
  EXPECT_TRUE(client->why.ok()) << client->why;
}

TEST_F(SimulationTest, LetsAForeignPeerEndItsSendingAndReadOn) {
  make(12);
  send("question");
  near->turn(Deadline(simulation->now()));
  simulation->end_sending(*client->stream);
  pass(1s);
  EXPECT_TRUE(server->ended);
  EXPECT_EQ(server->received, "question");
  EXPECT_EQ(client->received, "question") << "the answer came after the end";
}

TEST(Simulation, GivesNoAnswerToADial) {
  Simulation simulation(13, {.unanswered_chance = 1});
  Core& core = simulation.add_core("alone");
  const Time before = simulation.now();
  const auto soon = core.run(core.connect(Address::loopback(1), core.deadline_after(2s), {}));
  EXPECT_EQ(soon.status().reason(), "dial.timeout");
  EXPECT_EQ(simulation.now() - before, 2s);
  const auto late = core.run(core.connect(Address::loopback(1), Deadline(), {}));
  EXPECT_EQ(late.status().reason(), "dial.timeout");
}

TEST(Simulation, CountsAndTracesWhatAScenarioNotes) {
  std::string trace;
  Simulation simulation(14);
  simulation.trace([&](std::string_view line) { trace.append(line).append("\n"); });
  Core& core = simulation.add_core("one");
  const std::uint64_t before = simulation.digest();
  simulation.note(core, "call", 7, "begins, bytes", 300);
  EXPECT_EQ(trace, "     0.000 ms  one       call 7 begins, bytes 300\n");
  EXPECT_NE(simulation.digest(), before);
}

}  // namespace
}  // namespace fairlead::io
