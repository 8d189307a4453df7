// Sessions over a WebSocket connection that the test plays.
#include "fairlead/rpc/websocket_stream.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/wire/protocols/raw.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// What the other side has seen; outlives the socket.
struct Seen {
  std::vector<std::string> messages;
  std::uint16_t close_code = 0;
  Status aborted;
  std::size_t unsent = 0;  // what the socket says that waits
  bool gone = false;
};

class PlayedSocket final : public MessageSocket {
 public:
  explicit PlayedSocket(Seen& seen) : seen_(seen) {}
  ~PlayedSocket() override { seen_.gone = true; }

  Status send(std::string_view message) override {
    seen_.messages.emplace_back(message);
    return {};
  }
  void close(std::uint16_t code) override { seen_.close_code = code; }
  void abort(Status why) override { seen_.aborted = std::move(why); }
  void pause() override {}
  void resume() override {}
  std::size_t unsent_bytes() const override { return seen_.unsent; }
  std::size_t untaken_bytes() const override { return seen_.unsent; }
  io::Address peer() const override { return io::Address::loopback(7); }

 private:
  Seen& seen_;
};

class WebSocketStreamTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(router
                    .add(wire::Kind::kCall, "/echo", make_handler([](Context& context) {
                           context.reply_with(context.body_codec(), context.body_bytes());
                           return Status();
                         }))
                    .ok());
    protocol = protocol_of_websocket(GetParam()).value();
    PeerOptions options;
    options.limits.frame_bytes_max = 1U << 20U;
    options.write_queue_bytes_max = 1U << 20U;
    options.guards.slow_reader_after = std::chrono::milliseconds(50);
    peer = std::make_unique<Peer>(*core, router, options);
    accept();
  }
  // The session of a connection that has just opened; the one before it has ended.
  void accept() {
    seen = {};
    auto made =
        std::make_unique<WebSocketStream>(*core, std::make_unique<PlayedSocket>(seen), protocol);
    stream = made.get();
    session = &peer->accept(std::move(made), protocol);
    session->on_closed([this](Session&, const Status&) { session = nullptr; });
  }
  void TearDown() override {
    if (session != nullptr) end();
    EXPECT_TRUE(core->run(peer->close(core->deadline_after(1s))).ok());
  }
  void end() {
    stream->on_close(Status());
    turn();
  }
  void turn() { core->turn(Deadline(core->now())); }
  const wire::Protocol& form() const {
    return protocol != nullptr ? *protocol : *wire::protocols().front();
  }
  std::string call(std::int32_t seq, std::string_view body) const {
    Buffer out;
    EXPECT_TRUE(
        form()
            .append(out, {.seq = seq, .body_codec = 's', .method = "/echo"}, body, {}, nullptr)
            .ok());
    return std::string(out.view());
  }
  // Of the message that is the whole of `text`.
  std::pair<std::int32_t, std::string> reply_in(std::string_view text) const {
    const wire::Received received = form().parse(text, {}, nullptr);
    EXPECT_EQ(received.state, wire::Received::State::kMessage);
    EXPECT_EQ(received.size, text.size());
    return {received.message.seq, std::string(received.message.body)};
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Router router;
  Seen seen;
  const wire::Protocol* protocol = nullptr;
  std::unique_ptr<Peer> peer;
  WebSocketStream* stream = nullptr;  // owned by the session
  Session* session = nullptr;
};
class WebSocketGoodbye : public WebSocketStreamTest {
 protected:
  // Sessions are refused by a login that says `answer`, or throws.
  void refuse_logins(bool throws) {
    end();
    ASSERT_TRUE(router
                    .set_login(make_handler([throws](Context&) -> Status {
                      if (throws) throw 7;
                      return Status(Code::kForbidden, "", "auth fail");
                    }))
                    .ok());
    accept();
  }
  std::string login() const {
    Buffer out;
    EXPECT_TRUE(form()
                    .append(out, {.seq = 1, .kind = wire::Kind::kAuthCall, .body_codec = 's'}, "x",
                            {}, nullptr)
                    .ok());
    return std::string(out.view());
  }
};
using WebSocketMessages = WebSocketStreamTest;
using WebSocketBytes = WebSocketStreamTest;
INSTANTIATE_TEST_SUITE_P(Every, WebSocketStreamTest, ::testing::Values("json", "pb", "raw"));
INSTANTIATE_TEST_SUITE_P(Every, WebSocketGoodbye, ::testing::Values("json", "pb", "raw"));
INSTANTIATE_TEST_SUITE_P(Forms, WebSocketMessages, ::testing::Values("json", "pb"));
INSTANTIATE_TEST_SUITE_P(Raw, WebSocketBytes, ::testing::Values("raw", ""));

TEST(WebSocketProtocols, HaveTheNamesOfSubProtocols) {
  EXPECT_EQ(protocol_of_websocket("json").value()->name(), "ws-json");
  EXPECT_EQ(protocol_of_websocket("pb").value()->name(), "ws-pb");
  EXPECT_EQ(protocol_of_websocket("raw").value(), nullptr);
  EXPECT_EQ(protocol_of_websocket("").value(), nullptr);
  EXPECT_FALSE(protocol_of_websocket("mqtt").has_value());
}

TEST_P(WebSocketStreamTest, ACallIsAnswered) {
  stream->on_message(false, call(5, "hello"));
  turn();

  ASSERT_EQ(seen.messages.size(), 1U);
  EXPECT_EQ(reply_in(seen.messages[0]), std::pair(5, std::string("hello")));
  EXPECT_EQ(session->peer_address().port(), 7);
}

TEST_P(WebSocketMessages, EachReplyIsAMessageOfItsOwn) {
  for (std::int32_t seq = 1; seq <= 3; ++seq) stream->on_message(seq == 2, call(seq, "x"));
  turn();

  ASSERT_EQ(seen.messages.size(), 3U);
  for (std::int32_t seq = 1; seq <= 3; ++seq) {
    EXPECT_EQ(reply_in(seen.messages[static_cast<std::size_t>(seq) - 1]).first, seq);
  }
}

TEST_P(WebSocketMessages, ACutMessageEndsTheConnection) {
  const std::string whole = call(1, "x");

  stream->on_message(false, whole.substr(0, whole.size() / 2));
  turn();

  EXPECT_EQ(seen.close_code, 1002);
  EXPECT_TRUE(seen.messages.empty());
}

TEST_P(WebSocketMessages, MessagesWaitWhileTheConnectionTakesNone) {
  seen.unsent = io::Stream::kFlushBytes;
  for (std::int32_t seq = 1; seq <= 2000; ++seq) stream->on_message(false, call(seq, "x"));
  turn();
  EXPECT_TRUE(seen.messages.empty());
  EXPECT_GT(stream->unsent_bytes(), 2000U) << "the session's limits must see it";

  seen.unsent = 0;
  stream->on_sent();

  ASSERT_EQ(seen.messages.size(), 2000U);
  EXPECT_EQ(reply_in(seen.messages[1999]).first, 2000);
  EXPECT_EQ(stream->unsent_bytes(), 0U);
}

TEST_P(WebSocketBytes, AFrameMayBeCutAnywhereAndSeveralMayTravelTogether) {
  const std::string two = call(1, "hello") + call(2, "there");
  for (std::size_t cut = 0; cut <= two.size(); ++cut) {
    seen.messages.clear();

    stream->on_message(false, two.substr(0, cut));
    stream->on_message(false, two.substr(cut));
    turn();

    std::string all;
    for (const std::string& message : seen.messages) all += message;
    const wire::Received first = form().parse(all, {}, nullptr);
    ASSERT_EQ(first.state, wire::Received::State::kMessage) << cut;
    EXPECT_EQ(first.message.body, "hello");
    EXPECT_EQ(reply_in(all.substr(first.size)).second, "there") << cut;
  }
}

TEST_P(WebSocketBytes, LargeRepliesLeaveInPiecesThatAnyPeerTakes) {
  stream->on_message(false, call(1, std::string(200'000, 'x')));
  turn();

  std::string all;
  for (const std::string& message : seen.messages) {
    EXPECT_LE(message.size(), 64U * 1024U);
    all += message;
  }
  EXPECT_EQ(reply_in(all).second.size(), 200'000U);
}

TEST_P(WebSocketBytes, TextIsRefused) {
  stream->on_message(true, call(1, "x"));
  turn();

  EXPECT_EQ(seen.close_code, 1003);
  EXPECT_TRUE(seen.messages.empty());
}

TEST_P(WebSocketStreamTest, BothSidesMayCall) {
  RawCall pending;
  session->start_call(pending, {.method = "/theirs", .body_codec = 's'}, Deadline(), {},
                      Bytes(std::string_view("hi")));
  turn();
  ASSERT_EQ(seen.messages.size(), 1U);
  const wire::Received sent = form().parse(seen.messages[0], {}, nullptr);
  EXPECT_EQ(sent.message.method, "/theirs");
  Buffer reply;
  ASSERT_TRUE(form()
                  .append(reply,
                          {.seq = sent.message.seq, .kind = wire::Kind::kReply, .body_codec = 's'},
                          "yes", {}, nullptr)
                  .ok());

  stream->on_message(false, reply.view());

  EXPECT_FALSE(pending.waiting());
  EXPECT_EQ(pending.await_resume().value().body.view(), "yes");
}

TEST_P(WebSocketStreamTest, ClosingSaysGoodbyeBehindWhatWasWritten) {
  seen.unsent = io::Stream::kFlushBytes;
  stream->on_message(false, call(1, "x"));
  stream->close();
  turn();
  EXPECT_EQ(seen.close_code, 0) << "a reply waits";

  seen.unsent = 0;
  stream->on_sent();

  EXPECT_EQ(seen.messages.size(), 1U);
  EXPECT_EQ(seen.close_code, 1000);
}

TEST_P(WebSocketStreamTest, TheConnectionsEndIsTheSessions) {
  RawCall pending;
  session->start_call(pending, {.method = "/theirs"}, Deadline(), {}, Bytes());

  end();

  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(pending.await_resume().status().reason(), "session.closed");
  EXPECT_EQ(peer->session_count(), 0U);
  EXPECT_TRUE(seen.gone);
}

TEST_P(WebSocketGoodbye, Says1002ToWhatCannotBeRead) {
  stream->on_message(false, std::string("\0\0\0\x05garbage", 11));
  turn();

  EXPECT_EQ(seen.close_code, 1002);
}

TEST_P(WebSocketGoodbye, Says1009BehindTheAnswerToACallThatIsTooBig) {
  PeerOptions wide;
  Buffer out;
  ASSERT_TRUE(form()
                  .append(out, {.seq = 5, .body_codec = 's', .method = "/echo"},
                          std::string(2U << 20U, 'x'), wide.limits, nullptr)
                  .ok());

  stream->on_message(false, out.view());
  turn();

  EXPECT_EQ(seen.close_code, 1009);
  ASSERT_EQ(seen.messages.size(), 1U);
  EXPECT_EQ(reply_in(seen.messages[0]).first, 5);
}

TEST_P(WebSocketGoodbye, Says1008ToAWrongLogin) {
  refuse_logins(false);

  stream->on_message(false, login());
  turn();

  EXPECT_EQ(seen.close_code, 1008);
  EXPECT_EQ(seen.messages.size(), 1U) << "the reply that says why";
}

TEST_P(WebSocketGoodbye, Says1008ToWhoDoesNotBeginWithALogin) {
  refuse_logins(false);

  stream->on_message(false, call(1, "x"));
  turn();

  EXPECT_EQ(seen.close_code, 1008);
}

TEST_P(WebSocketGoodbye, Says1011WhenItsOwnLoginFails) {
  refuse_logins(true);

  stream->on_message(false, login());
  turn();

  EXPECT_EQ(seen.close_code, 1011);
}

TEST_P(WebSocketGoodbye, Says1001WhenAllSessionsAreClosed) {
  peer->core().spawn([](Peer& closed) -> Task<void> {
    [[maybe_unused]] const Status ended = co_await closed.close(Deadline());
  }(*peer));
  turn();

  EXPECT_EQ(seen.close_code, 1001);
}

TEST_P(WebSocketGoodbye, Says1000WhenThisSessionIsClosed) {
  peer->core().spawn([](Session& closed) -> Task<void> {
    [[maybe_unused]] const Status ended = co_await closed.close(Deadline());
  }(*session));
  turn();

  EXPECT_EQ(seen.close_code, 1000);
}

// bad-inputs 4, beyond 4.
TEST_P(WebSocketGoodbye, Beyond4Says1013ToAPeerThatNeverReads) {
  seen.unsent = io::Stream::kFlushBytes;
  for (std::int32_t seq = 1; seq <= 40 && seen.close_code == 0; ++seq) {
    stream->on_message(false, call(seq, std::string(100'000, 'x')));
  }
  const Deadline patience = core->deadline_after(std::chrono::seconds(20));
  while (seen.close_code == 0 && !patience.passed(core->now())) {
    core->turn(core->deadline_after(std::chrono::milliseconds(10)));
  }
  Status why;
  session->on_closed([&](Session&, const Status& status) {
    why = status;
    session = nullptr;
  });

  EXPECT_EQ(seen.close_code, 1013);
  EXPECT_TRUE(seen.aborted.ok()) << "it may still hear the code";
  EXPECT_LT(stream->unsent_bytes(), 2U << 20U);
  seen.unsent = 0;
  stream->on_sent();
  EXPECT_TRUE(seen.messages.empty()) << "nothing behind a goodbye";

  stream->abort(Status(Code::kConnectionClosed, "session.cut", "its time is over"));
  EXPECT_EQ(seen.aborted.reason(), "session.cut") << "a second abort waits for nobody";
  end();
  EXPECT_EQ(why.reason(), "session.slow_reader");
}

}  // namespace
}  // namespace fairlead::rpc
