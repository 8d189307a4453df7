#include "fairlead/http/websocket.h"

#include "fairlead/http/websocket_deflate.h"
#include "fairlead/http/websocket_testing.h"
#include "tests/testkit/heap.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using proto::WebSocketOpcode;
using testing::close_frame;
using testing::frame;
using testing::WebSocketTest;
using Heard = std::vector<std::string>;

constexpr auto kText = WebSocketOpcode::kText;
constexpr auto kBinary = WebSocketOpcode::kBinary;
constexpr auto kPing = WebSocketOpcode::kPing;

TEST_F(WebSocketTest, EchoesMessagesInOrderWithTheirType) {
  make();
  recorder->echo = true;

  send(frame(kText, "a") + frame(kBinary, "b") + frame(kText, ""));

  EXPECT_EQ(raw->heard, (Heard{"text a", "binary b", "text "}));
  EXPECT_EQ(metrics.messages_received.value(), 3U);
  EXPECT_EQ(metrics.messages_sent.value(), 3U);
}

TEST_F(WebSocketTest, SendsLargeMessagesAsFragments) {
  make({.frame_bytes_max = 4});

  ASSERT_TRUE(recorder->socket->send_text("123456789").ok());
  ASSERT_TRUE(recorder->socket->send_binary("1234").ok());
  pass(50ms);

  EXPECT_EQ(raw->raw, frame(kText, "1234", false, false) +
                          frame(WebSocketOpcode::kContinuation, "5678", false, false) +
                          frame(WebSocketOpcode::kContinuation, "9", false) +
                          frame(kBinary, "1234", false));
}

TEST_F(WebSocketTest, AnswersPingsWithTheirPayload) {
  make();
  send(frame(kPing, "x") + frame(kPing, ""));
  EXPECT_EQ(raw->heard, (Heard{"pong x", "pong "}));
}

TEST_F(WebSocketTest, EchoesTheCloseOfThePeerAndEndsTheConnection) {
  make();

  send(close_frame(4001) + frame(kText, "late"));

  EXPECT_EQ(raw->heard, Heard{"close 4001"});
  EXPECT_TRUE(raw->ended);
  ASSERT_TRUE(recorder->end.has_value());
  EXPECT_TRUE(recorder->end->status.ok());
  EXPECT_EQ(recorder->end->code, 4001);
  EXPECT_TRUE(recorder->messages.empty());
  EXPECT_EQ(metrics.closed_by_peer.value(), 1U);
}

TEST_F(WebSocketTest, AnswersACloseWithoutCodeByOne) {
  make();
  send(frame(WebSocketOpcode::kClose, ""));
  EXPECT_EQ(raw->heard, Heard{"close 0"});
  EXPECT_EQ(recorder->end->code, WebSocketCode::kNone);
  EXPECT_EQ(metrics.closed_normally.value(), 1U);
}

TEST_F(WebSocketTest, WaitsForThePeersCloseAfterItsOwn) {
  make();

  recorder->socket->close(WebSocketCode::kNormal, "done");
  pass(1s);

  EXPECT_EQ(raw->heard, Heard{"close 1000"});
  EXPECT_FALSE(recorder->end.has_value());
  EXPECT_EQ(recorder->socket->send_text("x").reason(), "websocket.closed");
  send(frame(kText, "on its way") + close_frame(1000));
  ASSERT_TRUE(recorder->end.has_value());
  EXPECT_TRUE(recorder->end->status.ok());
  EXPECT_TRUE(recorder->messages.empty()) << "nothing is told after close()";
  EXPECT_TRUE(raw->ended);
}

TEST_F(WebSocketTest, GivesUpAPeerThatDoesNotCloseInTime) {
  make({.close_timeout = 3s});
  recorder->socket->close(WebSocketCode::kNormal, "");
  pass(2900ms);
  EXPECT_FALSE(recorder->end.has_value());
  pass(200ms);
  EXPECT_EQ(recorder->reason(), "websocket.close_timeout");
  EXPECT_EQ(metrics.closed_lost.value(), 1U);
}

// Reason and close code of each kind of fault.
struct FaultCase {
  std::string bytes;
  const char* reason;
  const char* heard;
};
TEST_F(WebSocketTest, FailsTheConnectionWithTheRightCode) {
  const FaultCase cases[] = {
      {frame(kText, "x", false), "websocket.not_masked", "close 1002"},
      {frame(WebSocketOpcode::kContinuation, "x"), "websocket.bad_sequence", "close 1002"},
      {frame(kText, "\xff"), "websocket.bad_utf8", "close 1007"},
      {frame(kBinary, std::string(11, 'x')), "websocket.too_big", "close 1009"},
      {frame(kBinary, "", true, false) + frame(WebSocketOpcode::kContinuation, "", true, false) +
           frame(WebSocketOpcode::kContinuation, ""),
       "websocket.too_many_fragments", "close 1008"},
  };
  for (const FaultCase& fault : cases) {
    make({.message_bytes_max = 10, .fragments_max = 2});
    const std::uint64_t before = metrics.closed_for_fault.value();

    send(fault.bytes);

    EXPECT_EQ(raw->heard, Heard{fault.heard});
    EXPECT_TRUE(raw->ended);
    EXPECT_EQ(recorder->reason(), fault.reason);
    EXPECT_EQ(recorder->end->code, WebSocketCode::kLost);
    EXPECT_EQ(metrics.closed_for_fault.value(), before + 1);
    TearDown();
  }
}

TEST_F(WebSocketTest, TakesAMessageOfJustTheLimit) {
  make({.message_bytes_max = 10, .fragments_max = 2});
  send(frame(kText, "12345", true, false) + frame(WebSocketOpcode::kContinuation, "67890"));
  EXPECT_EQ(recorder->messages, Heard{"text 1234567890"});
}

TEST_F(WebSocketTest, TellsOfAMessageThatIsCutHowMuchOfItHasCome) {
  using Parts = std::vector<std::uint64_t>;
  make();
  const std::string first = frame(kText, "12345", true, false);

  send(first.substr(0, 1));  // of its head
  send(first.substr(1, 7));
  send(first.substr(8));
  EXPECT_EQ(recorder->parts, (Parts{0, 2, 5})) << "within a frame";
  send(frame(kPing, "x"));
  send(frame(WebSocketOpcode::kContinuation, "678", true, false));
  EXPECT_EQ(recorder->parts, (Parts{0, 2, 5, 5, 8})) << "between its frames";

  send(frame(WebSocketOpcode::kContinuation, "9"));
  send(frame(kPing, "x").substr(0, 3));
  EXPECT_EQ(recorder->messages, Heard{"text 123456789"});
  EXPECT_EQ(recorder->parts.size(), 5U) << "a cut ping is no part of a message";
}

TEST_F(WebSocketTest, CountsTheBytesOfACutMessageAsTheyCame) {
  Buffer packed;
  WebSocketDeflateState deflate({}, proto::WebSocketRole::kClient, 1, 1);
  ASSERT_TRUE(deflate.deflate(std::string(100'000, 'x'), packed).ok());
  std::string bytes = frame(kBinary, packed.view());
  bytes[0] = static_cast<char>(bytes[0] | 0x40);
  make({}, {.deflate = proto::WebSocketDeflate{}});

  send(bytes.substr(0, bytes.size() - 10));

  EXPECT_EQ(recorder->parts, std::vector<std::uint64_t>{packed.size() - 10});
}

TEST_F(WebSocketTest, TellsThatThePeerEndedWithoutAClose) {
  make();
  raw->stream->close();
  pass(50ms);
  EXPECT_EQ(recorder->reason(), "websocket.cut");
  EXPECT_EQ(recorder->end->code, WebSocketCode::kLost);
}

TEST_F(WebSocketTest, TellsWhyItWasAborted) {
  make();
  recorder->socket->abort(Status(Code::kCancelled, "test.abort", ""));
  EXPECT_FALSE(recorder->end.has_value()) << "never inside the call";
  pass(50ms);
  EXPECT_EQ(recorder->reason(), "test.abort");
  EXPECT_EQ(endings(), 1U);
}

// bad-inputs 4, beyond 5.
TEST_F(WebSocketTest, Beyond5ClosesAPeerThatAnswersNoPings) {
  make({.ping_interval = 10s, .pings_max = 2});

  pass(29s);
  EXPECT_EQ(raw->heard, (Heard{"ping ", "ping "}));
  EXPECT_FALSE(recorder->end.has_value());
  pass(2s);

  EXPECT_EQ(raw->heard.back(), "close 1011");
  EXPECT_EQ(recorder->reason(), "websocket.ping_timeout");
  EXPECT_EQ(metrics.pings_unanswered.value(), 2U);
}

TEST_F(WebSocketTest, TakesAnyByteAsASignOfLife) {
  make({.ping_interval = 10s, .pings_max = 1});
  for (int i = 0; i < 10; ++i) {
    pass(15s);
    send(i % 2 == 0 ? frame(WebSocketOpcode::kPong, "") : frame(kText, "x"));
  }
  EXPECT_FALSE(recorder->end.has_value());
  EXPECT_EQ(raw->heard.size(), 10U) << "a ping in each silence";
}

TEST_F(WebSocketTest, SendsNoPingsWhereTheyAreOff) {
  make({.ping_interval = 0s});
  pass(1h);
  EXPECT_TRUE(raw->heard.empty());
  EXPECT_FALSE(recorder->end.has_value());
}

// bad-inputs 4, beyond 4.
TEST_F(WebSocketTest, Beyond4RefusesToQueueMoreForAPeerThatNeverReads) {
  make({.queue_bytes_max = 300'000});
  raw->stream->pause();
  const std::string message(50'000, 'm');

  Status sent;
  for (int i = 0; i < 100 && sent.ok(); ++i) {
    sent = recorder->socket->send_binary(message);
    pass(10ms);
  }

  EXPECT_EQ(sent.code(), Code::kSendQueueFull);
  EXPECT_EQ(sent.reason(), "websocket.queue_full");
  EXPECT_LE(recorder->socket->unsent_bytes(), 301'000U);
  EXPECT_EQ(metrics.messages_refused.value(), 1U);
  recorder->socket->close(WebSocketCode::kTryAgainLater, "too slow");
  raw->stream->resume();
  pass(1s);
  EXPECT_EQ(raw->heard.back(), "close 1013");
}

TEST_F(WebSocketTest, QueuesAMessageOfJustTheLimit) {
  make({.queue_bytes_max = 1000});
  EXPECT_EQ(recorder->socket->send_binary(std::string(1001, 'x')).reason(), "websocket.queue_full");
  EXPECT_TRUE(recorder->socket->send_binary(std::string(1000, 'x')).ok());
}

TEST_F(WebSocketTest, AbortsWhenThePeerTakesNoByteFor15Seconds) {
  make({.ping_interval = 0s});
  raw->stream->pause();
  ASSERT_TRUE(recorder->socket->send_binary(std::string(500'000, 'x')).ok());
  pass(14s);
  EXPECT_FALSE(recorder->end.has_value());
  pass(17s);
  EXPECT_EQ(recorder->reason(), "websocket.write_stalled");
}

// The system goes on taking only when much of what it holds is free: until then nothing leaves.
TEST_F(WebSocketTest, KeepsAPeerThatTakesSlowlyWhatTheSystemHolds) {
  make({.ping_interval = 0s}, {},
       {.segment_bytes_max = 10'000,
        .window_bytes = 1'000'000,
        .window_step_bytes = 500'000,
        .bytes_per_second = 10'000});
  ASSERT_TRUE(recorder->socket->send_binary(std::string(1'200'000, 'x')).ok());
  pass(40s);
  EXPECT_FALSE(recorder->end.has_value());
  EXPECT_GT(recorder->socket->unsent_bytes(), 100'000U);
  EXPECT_GT(recorder->socket->untaken_bytes(), 700'000U);

  pass(90s);
  EXPECT_FALSE(recorder->end.has_value());
  EXPECT_EQ(raw->raw.size(), 1'200'000U + 18 * 10 + 4) << "and heads of frames";
}

TEST_F(WebSocketTest, TellsWhenWaitingOutputHasLeft) {
  make({.ping_interval = 0s});
  raw->stream->pause();
  ASSERT_TRUE(recorder->socket->send_binary(std::string(500'000, 'x')).ok());
  pass(1s);
  EXPECT_EQ(recorder->sent, 0);
  raw->stream->resume();
  pass(5s);
  EXPECT_EQ(recorder->sent, 1);
  pass(60s);
  EXPECT_FALSE(recorder->end.has_value()) << "nothing stalls any more";
}

TEST_F(WebSocketTest, AnswersOnlyTheLastPingOfAPeerThatDoesNotRead) {
  make();
  raw->stream->pause();
  ASSERT_TRUE(recorder->socket->send_binary(std::string(500'000, 'x')).ok());
  for (int i = 0; i < 1000; ++i) raw->send(frame(kPing, std::to_string(i)));
  pass(1s);
  EXPECT_LE(recorder->socket->unsent_bytes(), 501'000U);
  raw->stream->resume();
  pass(5s);
  ASSERT_EQ(raw->heard.size(), 2U);
  EXPECT_EQ(raw->heard.back(), "pong 999");
}

TEST_F(WebSocketTest, TellsNothingWhilePausedAndTheRestAfterwards) {
  make({.ping_interval = 10s});
  recorder->pause_after_message = true;

  send(frame(kText, "a") + frame(kText, "b"));
  pass(60s);

  EXPECT_EQ(recorder->messages, Heard{"text a"});
  EXPECT_TRUE(raw->heard.empty()) << "who does not listen does not ping";
  recorder->socket->resume();
  pass(1s);
  EXPECT_EQ(recorder->messages, (Heard{"text a", "text b"}));
}

TEST_F(WebSocketTest, ClosesWhilePaused) {
  make();
  recorder->socket->pause();
  recorder->socket->close(WebSocketCode::kNormal, "");
  send(close_frame(1000));
  ASSERT_TRUE(recorder->end.has_value());
  EXPECT_TRUE(recorder->end->status.ok());
}

TEST_F(WebSocketTest, MasksAsAClientAndWaitsForTheServerToEnd) {
  make({}, {.role = proto::WebSocketRole::kClient});

  ASSERT_TRUE(recorder->socket->send_text("a").ok());
  ASSERT_TRUE(recorder->socket->send_text("a").ok());
  send(frame(kPing, "p", false));
  EXPECT_EQ(raw->heard, (Heard{"text a", "text a", "pong p"})) << "the peer takes masked ones only";
  EXPECT_NE(raw->raw.substr(2, 4), raw->raw.substr(9, 4)) << "each frame has a mask of its own";

  send(close_frame(1001, false));
  EXPECT_EQ(raw->heard.back(), "close 1001");
  EXPECT_FALSE(raw->ended) << "the server ends the connection";
  raw->stream->close();
  pass(50ms);
  EXPECT_EQ(recorder->end->code, 1001);
  EXPECT_TRUE(recorder->end->status.ok());
}

TEST_F(WebSocketTest, GoesOnAtEveryCut) {
  const std::string bytes =
      frame(kText, "one") + frame(kPing, "p") + frame(kBinary, "two") + close_frame(1000);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    make();
    recorder->echo = true;
    send(bytes.substr(0, cut));
    send(bytes.substr(cut));
    EXPECT_EQ(raw->heard, (Heard{"text one", "pong p", "binary two", "close 1000"})) << cut;
    TearDown();
  }
}

TEST_F(WebSocketTest, DeflatesWhatIsLongEnough) {
  make({.deflate_bytes_min = 100}, {.deflate = proto::WebSocketDeflate{}});
  ASSERT_TRUE(recorder->socket->send_text(std::string(99, 'x')).ok());
  pass(50ms);
  EXPECT_EQ(raw->raw.size(), 101U);
  ASSERT_TRUE(recorder->socket->send_text(std::string(10'000, 'x')).ok());
  pass(50ms);
  EXPECT_LT(raw->raw.size(), 200U);
  EXPECT_EQ(static_cast<unsigned char>(raw->raw.at(101)), 0xC1U) << "last, compressed, text";
}

TEST_F(WebSocketTest, TakesRunsOfOneByteUnlessTheirRatioIsBounded) {
  Buffer packed;
  WebSocketDeflateState deflate({}, proto::WebSocketRole::kClient, 1, 1);
  ASSERT_TRUE(deflate.deflate(std::string(1'000'000, 'x'), packed).ok());
  std::string bytes = frame(kBinary, packed.view());
  bytes[0] = static_cast<char>(bytes[0] | 0x40);

  make({}, {.deflate = proto::WebSocketDeflate{}});
  send(bytes);
  EXPECT_EQ(recorder->messages.size(), 1U);
  TearDown();
  recorder.reset();

  make({.deflate_ratio_max = 100}, {.deflate = proto::WebSocketDeflate{}});
  send(bytes);
  EXPECT_EQ(raw->heard, Heard{"close 1009"});
  EXPECT_EQ(recorder->reason(), "websocket.bomb");
}

// bad-inputs 4, beyond 6, without the bytes of the stream and the kernel.
TEST_F(WebSocketTest, Beyond6HoldsHalfAKilobyteBetweenMessages) {
  make();
  io::Core& there = *raw_core;
  auto pair = there.run(there.connect(listener->local(), Deadline(), {}));
  ASSERT_TRUE(pair.ok());
  const auto options = std::make_shared<const WebSocketOptions>();
  pair.value()->start(starter);
  const auto before = testkit::heap();
  auto socket =
      std::make_unique<WebSocket>(there, std::move(pair).value(), WebSocketAgreement{}, options);
  pass(50ms);
  const auto idle = testkit::heap();
  EXPECT_LE(idle.bytes - before.bytes, 512) << "of that the object: " << sizeof(WebSocket);
  there.dispose(std::move(socket));
}

}  // namespace
}  // namespace fairlead::http
