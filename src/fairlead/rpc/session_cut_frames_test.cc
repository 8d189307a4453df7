// Frames that come in pieces, on virtual time.
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// A server, and a client that writes its bytes by hand.
class CutFramesTest : public ::testing::TestWithParam<const char*>, private io::StreamHandler {
 protected:
  void start(Guards guards = {}) {
    ASSERT_TRUE(router
                    .add(wire::Kind::kCall, "/echo", make_handler([this](Context&) {
                           ++served;
                           return Status();
                         }))
                    .ok());
    server.emplace(near, router, PeerOptions{.guards = guards, .bounds = bounds.get()}, metrics);
    const wire::Protocol* protocol = wire::find_protocol(GetParam());
    listener = near.listen(io::Address::loopback(0), {},
                           [this, protocol](io::Core&, std::unique_ptr<io::Stream> made) {
                             server->accept(std::move(made), protocol);
                           })
                   .value();
    stream = far.run(far.connect(listener->local(), Deadline(), {})).value();
    stream->start(*this);
    while (closed()) pass(1ms);
    const wire::FrameStart begun = protocol->begin(
        frame, {.seq = 1, .kind = wire::Kind::kCall, .body_codec = 's', .method = "/echo"});
    frame.append(std::string(20'000, 'x'));
    ASSERT_TRUE(protocol->finish(frame, begun, {}, nullptr).ok());
  }
  void TearDown() override {
    far.dispose(std::move(stream));
    far.turn(Deadline(far.now()));
    (void)near.run(server->close(near.deadline_after(1s)));
    listener.reset();
  }
  void send(std::size_t bytes) {
    stream->output().append(frame.view().substr(0, bytes));
    stream->wrote();
    frame.consume(bytes);
  }
  void pass(Duration time) {
    const Deadline until = Deadline::after(network.now(), time);
    while (!until.passed(network.now())) far.turn(until);
  }
  bool closed() const { return server->session_count() == 0; }

  io::Simulation network{1};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  observe::Registry registry;
  Metrics metrics = Metrics::make(registry).value();
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  Router router;
  std::optional<Peer> server;
  std::unique_ptr<io::Listener> listener;
  std::unique_ptr<io::Stream> stream;
  Buffer frame;
  int served = 0;

 private:
  io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
  void on_end() override {}
  void on_close(Status) override {}
};

INSTANTIATE_TEST_SUITE_P(Protocols, CutFramesTest, ::testing::Values("raw", "json", "pb"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(CutFramesTest, OneOfWhichNothingMoreComesIsClosed) {
  start();
  send(10);
  pass(4s);
  EXPECT_FALSE(closed());

  pass(2s);
  EXPECT_TRUE(closed());
  EXPECT_EQ(bounds->hits(observe::Bound::kFrameTime), 1U);
  EXPECT_EQ(metrics.links_closed[static_cast<std::size_t>(LinkEnd::kSlowFrame)].value(), 1U);
}

TEST_P(CutFramesTest, OneThatComesFastEnoughIsServed) {
  start();
  for (int i = 0; i < 9; ++i) {
    send(2'100);
    pass(1s);
  }
  ASSERT_FALSE(closed());
  send(frame.size());
  pass(1s);

  EXPECT_EQ(served, 1);
  EXPECT_FALSE(closed());
}

TEST_P(CutFramesTest, OneThatComesByTheByteIsClosed) {
  start();
  send(6'000);  // enough for the first look
  for (int i = 0; i < 12 && !closed(); ++i) {
    send(1);
    pass(1s);
  }
  EXPECT_TRUE(closed());
}

TEST_P(CutFramesTest, ThereIsAnEndWhateverItsRate) {
  start({.frame_time_max = 8s, .frame_rate_min = 0});
  for (int i = 0; i < 7; ++i) {
    send(100);
    pass(1s);
  }
  EXPECT_FALSE(closed());

  pass(2s);
  EXPECT_TRUE(closed());
}

TEST_P(CutFramesTest, TheTimeOfTheNextFrameIsItsOwn) {
  start({.frame_time_max = 8s, .frame_rate_min = 0});
  const std::string whole(frame.view());
  send(100);
  pass(6s);
  frame.append(whole);
  send(frame.size() - 10);  // the rest of it, and most of another one
  pass(6s);

  EXPECT_FALSE(closed());
  EXPECT_EQ(served, 1);
  pass(3s);
  EXPECT_TRUE(closed());
}

TEST_P(CutFramesTest, AnIdleConnectionHasNoSuchLimit) {
  start();
  send(frame.size());
  pass(10min);
  EXPECT_FALSE(closed());
}

TEST_P(CutFramesTest, ALongerTimeCountsAtOnce) {
  start({.frame_time_max = 8s, .frame_rate_min = 0});
  send(100);
  pass(2s);
  auto longer = [](Peer* peer) -> Task<Status> {
    co_return peer->update({.frame_time_max = 60s, .frame_rate_min = 0});
  };
  ASSERT_TRUE(near.run(longer(&*server)).ok());

  pass(20s);
  EXPECT_FALSE(closed());
}

}  // namespace
}  // namespace fairlead::rpc
