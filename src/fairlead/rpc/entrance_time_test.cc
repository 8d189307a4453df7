// How long an undecided connection may take, on virtual time.
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/entrance.h"
#include "fairlead/rpc/entrance_end.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using namespace std::literals;

class EntranceTimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options.frames = wire::find_protocol("raw");
    options.thrift = wire::find_protocol("thrift-binary");
    options.http = true;
  }
  void connect() {
    entrance.emplace(far, options,
                     Entrance::Doors{.rpc =
                                         [this](auto stream, io::TlsStream*, const auto&) {
                                           server.emplace(far, std::move(stream)).echo = true;
                                         },
                                     .http =
                                         [this](auto stream, io::TlsStream*, auto began) {
                                           head_began = began;
                                           server.emplace(far, std::move(stream)).echo = true;
                                         }});
    listener = far.listen(io::Address::loopback(80), {},
                          [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                            entrance->accept(std::move(stream));
                          })
                   .value();
    auto made = near.run(near.connect(listener->local(), Deadline(), {}));
    client.emplace(near, std::move(made).value());
  }
  void TearDown() override {
    EXPECT_TRUE(far.run(entrance->close(Deadline::after(simulation.now(), 1s))).ok());
    client.reset();
    server.reset();
    listener.reset();
    for (io::Core* core : {&near, &far}) core->turn(Deadline(simulation.now()));
  }
  void send(std::string_view text) {
    client->stream->output().append(text);
    client->stream->wrote();
  }
  void pass(Duration time) { testkit::pass_time(near, time); }

  io::Simulation simulation{1};
  io::Core& near = simulation.add_core("near");
  io::Core& far = simulation.add_core("far");
  EntranceOptions options;
  std::optional<Entrance> entrance;
  std::unique_ptr<io::Listener> listener;
  std::optional<Time> head_began;
  std::optional<End> client;
  std::optional<End> server;
};

TEST_F(EntranceTimeTest, LetsWhoSaysNothingStayAsASessionWould) {
  connect();
  pass(24h);
  EXPECT_FALSE(client->closed);
  EXPECT_EQ(entrance->undecided(), 1U);
}

TEST_F(EntranceTimeTest, ClosesSilenceAfterTheTimeOfAnIdleConnection) {
  options.silence_max = 10min;
  connect();
  pass(9min);
  EXPECT_FALSE(client->closed);
  pass(2min);
  EXPECT_TRUE(client->closed);
}

TEST_F(EntranceTimeTest, ClosesWhoseFrameIsNotWholeInTimeHoweverItComes) {
  options.frame_time_max = 30s;
  options.silence_max = 10min;
  connect();
  pass(9min + 50s);
  send("\0"sv);
  pass(20s);
  EXPECT_FALSE(client->closed) << "its own time has begun";
  send("\0\0"sv);
  pass(8s);
  EXPECT_FALSE(client->closed);
  pass(4s);
  EXPECT_TRUE(client->closed) << "which no other byte moves";
}

TEST_F(EntranceTimeTest, GivesABegunFrameNoMoreTimeThanALoginHas) {
  options.first_byte_timeout = 5s;
  connect();
  pass(4s);
  send("\0"sv);
  pass(2s);
  EXPECT_TRUE(client->closed);
}

TEST_F(EntranceTimeTest, AFrameThatHasLessTimeThanALoginDoesNotProlongThat) {
  options.first_byte_timeout = 5s;
  options.frame_time_max = 4s;
  connect();
  pass(4s + 900ms);
  send("\0"sv);
  pass(200ms);
  EXPECT_TRUE(client->closed);
}

TEST_F(EntranceTimeTest, AFrameThatHasLessTimeThanALoginHasNoMore) {
  options.first_byte_timeout = 5s;
  options.frame_time_max = 2s;
  connect();
  pass(1s);
  send("\0"sv);
  pass(1s + 900ms);
  EXPECT_FALSE(client->closed);
  pass(200ms);
  EXPECT_TRUE(client->closed);
}

TEST_F(EntranceTimeTest, ClosesSilenceWhereALoginIsToCome) {
  options.first_byte_timeout = 5s;
  connect();
  pass(4s);
  EXPECT_FALSE(client->closed);
  pass(2s);
  EXPECT_TRUE(client->closed);
}

// Its server has the same ten seconds, from the same byte on, and says 408.
TEST_F(EntranceTimeTest, LeavesAMethodThatIsCutToHttpAfterTheTimeOfAHead) {
  connect();
  pass(5s);
  send("PR");
  const Time sent = simulation.now();
  pass(9s);
  EXPECT_FALSE(server.has_value());
  pass(2s);
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(server->received, "PR");
  ASSERT_TRUE(head_began.has_value());
  EXPECT_LT(*head_began - sent, 100ms);
}

TEST_F(EntranceTimeTest, GivesAHeadThatMayBeErpcsTenSecondsInAll) {
  options.erpc_http = true;
  connect();
  for (int i = 0; i < 9; ++i) {
    send("P");
    pass(1s);
  }
  EXPECT_FALSE(server.has_value());
  pass(2s);
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ(server->received, "PPPPPPPPP");
}

TEST_F(EntranceTimeTest, GivesAGreetingThatIsCutNoMoreTime) {
  connect();
  send("SSH");
  pass(11s);
  ASSERT_TRUE(server.has_value()) << "nobody but HTTP says what is wrong";
}

TEST_F(EntranceTimeTest, HasNoTimeForWhoIsDecided) {
  options.first_byte_timeout = 5s;
  connect();
  send("GET");
  pass(1h);
  EXPECT_FALSE(client->closed);
  EXPECT_EQ(client->received, "GET");
}

TEST_F(EntranceTimeTest, ClosesWhoEndsBeforeItSaidWhatItSpeaks) {
  connect();
  send("\0\0"sv);
  client->stream->close();
  pass(1s);
  EXPECT_EQ(entrance->undecided(), 0U);
  EXPECT_FALSE(server.has_value());
}

}  // namespace
}  // namespace fairlead::rpc
