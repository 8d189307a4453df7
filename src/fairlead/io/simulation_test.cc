#include "fairlead/io/simulation.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation_fixture.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

TEST_F(SimulationTest, CarriesBytesInOrderInPiecesAndWithDelay) {
  make(1);
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += static_cast<char>('a' + i % 26);
  const Time before = simulation->now();
  send(text);
  pass(1s);
  EXPECT_EQ(server->received, text);
  EXPECT_EQ(client->received, text);
  EXPECT_EQ(simulation->now() - before, 1s);
}

TEST_F(SimulationTest, MovesMoreThanTheWindowWhenTheReaderReads) {
  make(2, {.window_bytes = 1000});
  send(std::string(100'000, 'w'));
  near->turn(Deadline(simulation->now()));
  EXPECT_GT(client->stream->unsent_bytes(), 90'000U);
  pass(10s);
  EXPECT_EQ(client->received.size(), 100'000U);
}

TEST_F(SimulationTest, TellsTheOtherSideOfTheEnd) {
  make(3);
  send("last words");
  client->stream->close();
  pass(1s);
  EXPECT_TRUE(client->closed);
  EXPECT_TRUE(client->why.ok());
  EXPECT_EQ(server->received, "last words");
  EXPECT_TRUE(server->ended);
  EXPECT_TRUE(server->closed);
}

// Takes one byte, then gives the stream to somebody else.
struct SimulatedDoorman final : StreamHandler {
  SimulatedDoorman(Stream& guarded, StreamHandler& to) : stream(guarded), next(to) {}
  ReadResult on_read(const Bytes&) override {
    stream.start(next);
    return {1, 0};
  }
  void on_end() override { ADD_FAILURE() << "the stream is somebody else's by then"; }
  void on_close(Status) override { ADD_FAILURE(); }

  Stream& stream;
  StreamHandler& next;
};

TEST_F(SimulationTest, GivesWhatIsLeftToTheNextHandlerBeforeTheEndThatCameWithIt) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    make(seed);
    pass(1s);
    server->stream->pause();
    send("abcdef");
    client->stream->close();
    pass(1s);

    SimulatedDoorman doorman(*server->stream, *server);
    server->stream->start(doorman);  // goes on with bytes and end together
    pass(1s);

    ASSERT_EQ(server->received, "bcdef") << "seed " << seed;
    ASSERT_TRUE(server->ended && server->closed) << "seed " << seed;
    TearDown();
  }
}

TEST_F(SimulationTest, RefusesWhereNobodyListens) {
  make(6);
  const auto nobody = near->run(near->connect(Address::loopback(1), Deadline(), {}));
  EXPECT_EQ(nobody.status().reason(), "dial.refused");
  EXPECT_EQ(far->listen(listener->local(), {}, {}).status().reason(), "listen.in_use");
  EXPECT_EQ(near->watch_readable(0, [] {}).status().reason(), "watch.failed");
}

TEST(Simulation, SleepsForAnHourAtOnce) {
  Simulation simulation(7);
  Core& core = simulation.add_core("one");
  const auto sleep = [](Core* on) -> Task<bool> {
    Status slept = co_await Sleep(on->timers(), on->deadline_after(1h));
    co_return slept.ok();
  };
  const Time before = simulation.now();
  EXPECT_TRUE(core.run(sleep(&core)));
  EXPECT_EQ(simulation.now() - before, 1h);
}

// The whole point: a seed is a run.
TEST(Simulation, ReplaysASeedExactly) {
  const auto run = [](std::uint64_t seed) {
    std::string trace;  // outlives the simulation, whose end is told too
    Simulation simulation(seed, {.stall_chance = 0.1});
    simulation.trace([&](std::string_view line) { trace.append(line).append("\n"); });
    Core& near = simulation.add_core("near");
    Core& far = simulation.add_core("far");
    std::optional<End> server;
    auto listener =
        far.listen(Address::loopback(80), {},
                   [&](Core& core, auto stream) { server.emplace(core, std::move(stream), true); })
            .value();
    {
      End client(near, near.run(near.connect(listener->local(), Deadline(), {})).value(), false);
      client.stream->output().append(std::string(20'000, 'x'));
      client.stream->wrote();
      near.turn(Deadline(simulation.now()));
      const Deadline until = Deadline::after(simulation.now(), 1s);
      while (!until.passed(simulation.now())) near.turn(until);
      EXPECT_EQ(client.received.size(), 20'000U);
    }
    server.reset();
    return std::pair(simulation.digest(), trace);
  };
  const auto first = run(1);
  EXPECT_EQ(run(1), first);
  EXPECT_NE(run(2).first, first.first);
  EXPECT_NE(first.second.find("near      link 1 sends bytes "), std::string::npos);
}

}  // namespace
}  // namespace fairlead::io
