// A peer that resets the connection while we write to it, over real sockets: whoever writes hears
// of the end when its call is over.
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/resend_line.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class Message final : public ResentMessage {
 public:
  explicit Message(std::size_t bytes)
      : ResentMessage({.method = "/x", .body_codec = 's', .body = Bytes(std::string(bytes, 'x'))}) {
  }
  int ends = 0;

 private:
  void on_result(Status, const wire::MessageView&, const Bytes&) override { ++ends; }
};

// A call that goes with its end.
struct OneShot final : PendingCall {
  explicit OneShot(Status& into) : ended(into) {}
  void on_done(Status status, const wire::MessageView&, const Bytes&) override {
    ended = std::move(status);
    delete this;
  }
  Status& ended;
};

class SessionResetTest : public ::testing::Test {
 protected:
  // A session whose peer has reset it, of which the loop has heard nothing.
  Session& dial(ResendLine* line = nullptr) {
    auto opened = core->listen(
        io::Address::loopback(0), {},
        [this](io::Core&, std::unique_ptr<io::Stream> stream) { accepted = std::move(stream); });
    DialOptions options;
    options.resend = line;
    session = core->run(client->dial((*opened)->local(), core->deadline_after(5s), CancelToken(),
                                     std::move(options)))
                  .value();
    while (accepted == nullptr) core->turn(core->deadline_after(50ms));
    accepted->start(nobody);
    accepted->output().append(std::string(1 << 20, 'z'));  // more than is read: closing it resets
    accepted->abort(Status(Code::kConnectionClosed, "test.reset", ""));
    core->turn(Deadline(core->now()));
    return *session;
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
    accepted.reset();
    client.reset();
  }
  struct Nobody final : io::StreamHandler {
    io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
    void on_end() override {}
    void on_close(Status) override {}
  };

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Router nothing;
  std::optional<Peer> client{std::in_place, *core, nothing, PeerOptions{}};
  std::unique_ptr<io::Stream> accepted;
  Nobody nobody;
  Session* session = nullptr;
};

TEST_F(SessionResetTest, ALargeCallEndsAfterItWasMade) {
  Session& reset = dial();
  Status ended;
  auto* call = new OneShot(ended);

  reset.start_call(*call, {.method = "/x", .body_codec = 's'}, core->deadline_after(5s),
                   CancelToken(), Bytes(std::string(300'000, 'x')));

  EXPECT_TRUE(ended.ok()) << "it is still being made: " << ended;
  core->turn(Deadline(core->now()));
  EXPECT_EQ(ended.code(), Code::kConnectionClosed);
  EXPECT_EQ(ended.outcome(), Outcome::kNotSent);
}

TEST_F(SessionResetTest, ALargeMessageOfALineIsQueuedAgain) {
  ResendLine line(*core, ResendOptions{}, {}, nullptr);
  dial(&line);
  Message message(300'000);

  line.start(message, core->deadline_after(5s), CancelToken());
  core->turn(Deadline(core->now()));

  EXPECT_EQ(message.state(), ResendQueue::State::kQueued);
  line.close();
  EXPECT_EQ(message.ends, 1);
}

TEST_F(SessionResetTest, ManyMessagesOfALineAreQueuedAgain) {
  ResendLine line(*core, ResendOptions{}, {}, nullptr);
  std::vector<std::unique_ptr<Message>> messages;
  for (int i = 0; i < 100; ++i) {
    messages.push_back(std::make_unique<Message>(4'000));
    line.start(*messages.back(), core->deadline_after(5s), CancelToken());
  }
  Session& reset = dial();

  line.attach(reset);
  core->turn(Deadline(core->now()));

  EXPECT_EQ(line.queue().counts().queued, 100U);
  line.close();
}

}  // namespace
}  // namespace fairlead::rpc
