// Frames that come in pieces, on virtual time.
#include <gtest/gtest.h>

#include "fairlead/http/proto/websocket_frame.h"
#include "fairlead/http/websocket.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/websocket_dial.h"
#include "tests/testkit/pass_time.h"

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
    const wire::Protocol* protocol = protocol_of_test();
    listener = near.listen(io::Address::loopback(0), {},
                           [this, protocol](io::Core&, std::unique_ptr<io::Stream> made) {
                             accept(std::move(made), protocol);
                           })
                   .value();
    stream = far.run(far.connect(listener->local(), Deadline(), {})).value();
    stream->start(*this);
    while (closed()) pass(1ms);
    const wire::Protocol& form = protocol == nullptr ? *wire::protocols().front() : *protocol;
    const wire::FrameStart begun = form.begin(
        frame, {.seq = 1, .kind = wire::Kind::kCall, .body_codec = 's', .method = "/echo"});
    frame.append(std::string(20'000, 'x'));
    ASSERT_TRUE(form.finish(frame, begun, {}, nullptr).ok());
  }
  virtual const wire::Protocol* protocol_of_test() { return wire::find_protocol(GetParam()); }
  virtual void accept(std::unique_ptr<io::Stream> made, const wire::Protocol* protocol) {
    server->accept(std::move(made), protocol);
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
  void pass(Duration time) { testkit::pass_time(far, time); }
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
  std::string heard;  // from the server
  int served = 0;

 private:
  io::ReadResult on_read(const Bytes& input) override {
    heard.append(input.view());
    return {input.size(), 0};
  }
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
  near.post([this] {
    PeerOptions longer = server->options();
    longer.guards.frame_time_max = 60s;
    server->update(longer);
  });

  pass(20s);
  EXPECT_FALSE(closed());
}

// The same below the session: it hears of a message when that is whole.
class CutMessagesTest : public CutFramesTest {
 protected:
  const wire::Protocol* protocol_of_test() override {
    return protocol_of_websocket(GetParam()).value();
  }
  void accept(std::unique_ptr<io::Stream> made, const wire::Protocol* protocol) override {
    made->start(starter);
    server->accept(stream_over(near,
                               std::make_unique<http::WebSocket>(
                                   near, std::move(made), http::WebSocketAgreement{},
                                   std::make_shared<const http::WebSocketOptions>()),
                               protocol),
                   protocol);
  }
  // Bytes of the message's payload, as a frame.
  std::string next_frame(std::size_t bytes, bool first, bool last) {
    using http::proto::WebSocketOpcode;
    Buffer out;
    http::proto::WebSocketFrameHead head;
    head.opcode = first ? WebSocketOpcode::kBinary : WebSocketOpcode::kContinuation;
    head.last = last;
    head.mask = http::proto::WebSocketMask{'\1', '\2', '\3', '\4'};
    http::proto::write_websocket_frame(head, frame.view().substr(0, bytes), out);
    frame.consume(bytes);
    return std::string(out.view());
  }
  void send_bytes(std::string_view bytes) {
    stream->output().append(bytes);
    stream->wrote();
  }
  bool told_1008() const {
    const std::string_view close("\x88\x02\x03\xf0", 4);
    return heard.find(close) != std::string::npos;
  }

  struct Starter final : io::StreamHandler {
    io::ReadResult on_read(const Bytes&) override { return {}; }
    void on_end() override {}
    void on_close(Status) override {}
  };
  Starter starter;
};

INSTANTIATE_TEST_SUITE_P(SubProtocols, CutMessagesTest, ::testing::Values("raw", "json", "pb"),
                         [](const auto& each) { return std::string(each.param); });

using CutRawMessagesTest = CutMessagesTest;
INSTANTIATE_TEST_SUITE_P(SubProtocols, CutRawMessagesTest, ::testing::Values("raw"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(CutMessagesTest, OneOfWhichNothingMoreComesIsClosedWith1008) {
  start();
  send_bytes(next_frame(frame.size(), true, true).substr(0, 30));
  pass(4s);
  EXPECT_FALSE(told_1008());

  pass(2s);
  EXPECT_TRUE(told_1008());
  EXPECT_EQ(bounds->hits(observe::Bound::kFrameTime), 1U);
  pass(10s);
  EXPECT_TRUE(closed()) << "though the peer does not say goodbye";
  EXPECT_EQ(metrics.links_closed[static_cast<std::size_t>(LinkEnd::kSlowFrame)].value(), 1U);
}

TEST_P(CutMessagesTest, OneThatIsCutInItsFirstHeadIsClosed) {
  start();
  send_bytes(next_frame(frame.size(), true, true).substr(0, 1));
  pass(6s);
  EXPECT_TRUE(told_1008());
}

TEST_P(CutMessagesTest, OneOfTinyFragmentsIsClosed) {
  start();
  for (int i = 0; i < 12 && !told_1008(); ++i) {
    send_bytes(next_frame(1, i == 0, false));
    pass(500ms);
  }
  EXPECT_TRUE(told_1008());
  EXPECT_EQ(served, 0);
}

TEST_P(CutMessagesTest, OneThatComesFastEnoughIsServed) {
  start();
  const std::string whole = next_frame(frame.size(), true, true);
  for (std::size_t at = 0; at < whole.size(); at += 2'100) {
    EXPECT_EQ(served, 0);
    send_bytes(std::string_view(whole).substr(at, 2'100));
    pass(1s);
  }

  EXPECT_EQ(served, 1);
  pass(1min);
  EXPECT_FALSE(closed()) << "nothing is cut any more";
}

TEST_P(CutMessagesTest, FragmentsThatComeFastEnoughAreServed) {
  start();
  for (bool first = true; frame.size() > 2'100; first = false) {
    send_bytes(next_frame(2'100, first, false));
    pass(1s);
  }
  EXPECT_FALSE(told_1008());
  send_bytes(next_frame(frame.size(), false, true));
  pass(1s);

  EXPECT_EQ(served, 1);
}

// A frame of raw may be cut over several messages, each of which is whole.
TEST_P(CutRawMessagesTest, OneFrameInSeveralThatComeFastEnoughIsServed) {
  start();
  while (frame.size() > 2'100) {
    send_bytes(next_frame(2'100, true, true));
    pass(1s);
  }
  EXPECT_FALSE(told_1008());
  send_bytes(next_frame(frame.size(), true, true));
  pass(1s);

  EXPECT_EQ(served, 1);
}

TEST_P(CutMessagesTest, ThereIsAnEndWhateverItsRate) {
  start({.frame_time_max = 8s, .frame_rate_min = 0});
  const std::string whole = next_frame(frame.size(), true, true);
  for (std::size_t i = 0; i < 7; ++i) {
    send_bytes(std::string_view(whole).substr(i * 100, 100));
    pass(1s);
  }
  EXPECT_FALSE(told_1008());

  pass(2s);
  EXPECT_TRUE(told_1008());
}

}  // namespace
}  // namespace fairlead::rpc
