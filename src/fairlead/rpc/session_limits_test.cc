// What waits for a peer that does not read is bounded, whatever it asks for. On a simulated core,
// which knows how much a stream ever held.
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kQueueBytes = 64 * 1024;
constexpr std::size_t kReplyBytes = 10'000;

// A server with a queue of 64 KiB, and a client that writes frames by hand and never reads.
class SessionLimitsTest : public ::testing::Test, private io::StreamHandler {
 protected:
  void SetUp() override {
    ASSERT_TRUE(router
                    .add(wire::Kind::kCall, "/much", make_handler([](Context& context) {
                           Buffer* out = context.begin_reply('s');
                           if (out != nullptr) out->append(std::string(kReplyBytes, 'x'));
                           ++served;
                           return Status();
                         }))
                    .ok());
    ASSERT_TRUE(router
                    .add(wire::Kind::kCall, "/much_later",
                         make_handler([](Context& context) { return much_later(context); }))
                    .ok());
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> made) {
                             server.accept(std::move(made));
                           })
                   .value();
    stream = far.run(far.connect(listener->local(), Deadline(), {})).value();
    stream->start(*this);
    stream->pause();
    served = 0;
  }
  void TearDown() override {
    far.dispose(std::move(stream));
    far.turn(Deadline(far.now()));
    (void)near.run(server.close(near.deadline_after(1s)));
    listener.reset();
  }
  static Task<Status> much_later(Context& context) {
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(50ms));
    Buffer* out = context.begin_reply('s');
    if (out != nullptr) out->append(std::string(kReplyBytes, 'x'));
    co_return slept;
  }
  void send_calls(const char* method, std::int32_t count) {
    Buffer frames;
    for (std::int32_t seq = 1; seq <= count; ++seq) {
      const wire::MessageHead head{.seq = seq, .kind = wire::Kind::kCall, .method = method};
      ASSERT_TRUE(wire::raw::append(frames, head, "", {}).ok());
      if (frames.size() > kQueueBytes / 2) send(frames);  // our own output is looked at too
    }
    send(frames);
  }
  void send(Buffer& frames) {
    stream->output().append(frames.view());
    stream->wrote();
    frames.clear();
    const Deadline until = Deadline::after(network.now(), 1s);
    while (!until.passed(network.now())) far.turn(until);
  }

  io::Simulation network{1, {.segment_bytes_max = 100'000, .window_bytes = 200'000}};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  Router router;
  Peer server{near, router, {.write_queue_bytes_max = kQueueBytes}};
  std::unique_ptr<io::Listener> listener;
  std::unique_ptr<io::Stream> stream;
  static inline int served = 0;

 private:
  io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
  void on_end() override {}
  void on_close(Status) override {}
};

TEST_F(SessionLimitsTest, StopsServingAReadFullOfCallsWhenTheirRepliesPassTheLimit) {
  send_calls("/much", 2000);
  EXPECT_EQ(server.session_count(), 0U);
  EXPECT_LT(network.unsent_bytes_peak(), kQueueBytes + 2 * kReplyBytes);
  EXPECT_LT(served, 100) << "what the window takes, and the limit";
}

TEST_F(SessionLimitsTest, BoundsTheRepliesOfHandlersThatEndTogether) {
  send_calls("/much_later", 900);
  EXPECT_EQ(server.session_count(), 0U);
  EXPECT_LT(network.unsent_bytes_peak(), kQueueBytes + 2 * kReplyBytes);
}

TEST_F(SessionLimitsTest, CountsRefusalsToo) {
  send_calls("/nobody", 6000);
  EXPECT_EQ(server.session_count(), 0U);
  EXPECT_LT(network.unsent_bytes_peak(), kQueueBytes + 2 * kReplyBytes);
}

}  // namespace
}  // namespace fairlead::rpc
