// Connections that do with good frames what no peer of ours does: cut them, mix them with garbage,
// end early, say nothing, answer what was not asked. Numbered as bad_frames_test.cc.
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/rpc/bad_peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::kInflightCallsMax;
using test::Stranger;
using test::Told;

class BadStreams : public test::BadPeerTest {
 protected:
  void expect_only_the_good_client() {
    EXPECT_EQ(server.session_count(), 1U);
    EXPECT_EQ(network.streams(), 2U);
  }
};

TEST_F(BadStreams, Number28OneByteAtATimeIsServed) {
  auto stranger = dial();
  for (const char byte : frame({.body = "slowly"})) {
    EXPECT_TRUE(stranger->hear(transforms).empty());
    stranger->send({&byte, 1});
    pass(10ms);
  }

  const std::vector<Told> heard = stranger->hear(transforms);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].body, "slowly");
}

TEST_F(BadStreams, Numbers29And30FramesInOneSegmentAreServedInOrder) {
  auto stranger = dial();
  std::string frames;
  for (int i = 0; i < 500; ++i) frames += frame({.seq = "1", .body = std::to_string(i)});

  stranger->send(frames);
  pass(1s);

  const std::vector<Told> heard = stranger->hear(transforms);
  ASSERT_EQ(heard.size(), 500U);
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i].body, std::to_string(i));
}

TEST_F(BadStreams, Number30MoreCallsThatWaitThanTheLimitAreRefusedAtOnce) {
  auto stranger = dial();
  std::string frames;
  for (int i = 0; i < 500; ++i) frames += frame({.method = "/slow"});

  stranger->send(frames);
  pass(1s);

  std::size_t served = 0;
  std::size_t refused = 0;
  for (const Told& told : stranger->hear(transforms)) {
    if (told.status.ok()) ++served;
    if (told.status.reason() == "session.inflight") ++refused;
  }
  EXPECT_EQ(served, kInflightCallsMax);
  EXPECT_EQ(refused, 500 - kInflightCallsMax);
  EXPECT_EQ(server.metrics().calls_refused.value(), refused);
  EXPECT_TRUE(serves(*stranger));
}

// Whatever the place of the cut, the server must neither guess nor give up.
TEST_F(BadStreams, Number31ACutFrameWaitsForItsRest) {
  const std::string whole = frame({.metadata = "k=v"});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    auto stranger = dial();
    stranger->send(std::string_view(whole).substr(0, size));
    pass(4s);  // longer would be too slow: session_cut_frames_test.cc
    EXPECT_TRUE(stranger->hear(transforms).empty());
    EXPECT_FALSE(stranger->closed());

    stranger->send(std::string_view(whole).substr(size));
    pass(1s);
    EXPECT_EQ(stranger->hear(transforms).size(), 1U);
  }
}

TEST_F(BadStreams, Numbers31To33AnEndInsideAFrameEndsTheConnection) {
  const std::string whole = frame({.metadata = "k=v"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    for (const bool reset : {false, true}) {
      SCOPED_TRACE(size);
      auto stranger = dial();
      stranger->send(std::string_view(whole).substr(0, size));
      pass(10ms);
      if (reset) {
        stranger->stream().abort(Status(Code::kConnectionClosed, "test.reset", ""));
      } else {
        network.end_sending(stranger->stream());
      }
      pass(1s);

      EXPECT_TRUE(stranger->hear(transforms).empty());
      EXPECT_TRUE(stranger->closed());
      EXPECT_EQ(server.session_count(), 1U);
    }
  }
  EXPECT_EQ(server.metrics().sessions_closed.value(), 2 * whole.size());
  EXPECT_EQ(server.metrics().calls_received.value(), 0U);
}

TEST_F(BadStreams, Number34ACallBeforeAHalfCloseIsAnswered) {
  for (const char* method : {"/echo", "/slow"}) {
    auto stranger = dial();
    stranger->send(frame({.method = method}));
    network.end_sending(stranger->stream());
    pass(1s);

    const std::vector<Told> heard = stranger->hear(transforms);
    ASSERT_EQ(heard.size(), 1U) << method;
    EXPECT_TRUE(heard[0].status.ok()) << method;
    EXPECT_TRUE(stranger->closed()) << method;
  }
}

TEST_F(BadStreams, Number35GarbageBehindAGoodFrameEndsTheConnectionAfterTheAnswer) {
  for (const char* method : {"/echo", "/slow"}) {
    auto stranger = dial();
    stranger->send(frame({.method = method}) + std::string(1000, '\xFF') + frame({}));
    pass(1s);

    EXPECT_EQ(stranger->hear(transforms).size(), 1U) << method;
    EXPECT_TRUE(stranger->closed()) << method;
  }
  EXPECT_EQ(server.metrics().protocol_errors.value(), 2U);
}

TEST_F(BadStreams, Number36AGoodFrameBehindGarbageIsNotServed) {
  auto stranger = dial();
  stranger->send(std::string(14, '\xFE') + frame({}));
  pass(1s);

  EXPECT_TRUE(stranger->hear(transforms).empty());
  EXPECT_TRUE(stranger->closed());
  EXPECT_EQ(server.metrics().calls_received.value(), 0U);
}

// Nobody has to speak: a timeout exists only where a login is asked for.
TEST_F(BadStreams, Numbers37And38AnIdleConnectionLivesAndIsServed) {
  auto silent = dial();
  auto idle = dial();
  EXPECT_TRUE(serves(*idle));
  pass(24h);

  EXPECT_TRUE(serves(*silent));
  EXPECT_TRUE(serves(*idle));
}

TEST_F(BadStreams, Number40TenThousandSilentConnectionsHarmNobody) {
  std::vector<std::unique_ptr<Stranger>> strangers;
  for (int i = 0; i < 10'000; ++i) strangers.push_back(dial());
  pass(1s);

  EXPECT_EQ(server.session_count(), 10'001U);
  EXPECT_TRUE(serves_the_good_client());

  strangers.clear();
  pass(1s);
  expect_only_the_good_client();
}

// Who receives calls keeps no table of their numbers: they are the caller's alone.
TEST_F(BadStreams, Number10TwoCallsOfOneNumberAreBothServed) {
  auto stranger = dial();
  stranger->send(frame({.method = "/slow", .body = "a"}) + frame({.method = "/slow", .body = "b"}));
  pass(1s);

  const std::vector<Told> heard = stranger->hear(transforms);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ((std::set{heard[0].body, heard[1].body}), (std::set<std::string>{"a", "b"}));
}

class BadCallbacks : public BadStreams {
 protected:
  // Lets the server call this stranger and tells its question.
  Told be_asked(Stranger& stranger, std::string_view body) {
    stranger.send(frame({.seq = "cafe", .method = "/ask_back", .body = std::string(body)}));
    pass(100ms);
    std::vector<Told> heard = stranger.hear(transforms);
    EXPECT_EQ(heard.size(), 1U);
    if (heard.size() != 1) return {};
    EXPECT_EQ(heard[0].kind, wire::Kind::kCall);
    EXPECT_EQ(heard[0].method, "/asked");
    return heard[0];
  }
  static std::string reply(std::int32_t seq, std::string_view body) {
    Buffer out;
    EXPECT_TRUE(
        wire::raw::append(out, {.seq = seq, .kind = wire::Kind::kReply}, body, {}, nullptr).ok());
    return std::string(out.view());
  }
};

TEST_F(BadCallbacks, Number11ASecondAnswerIsIgnoredAndCounted) {
  auto stranger = dial();
  const Told asked = be_asked(*stranger, "who");
  stranger->send(reply(asked.seq, "first") + reply(asked.seq, "second"));
  pass(100ms);

  const std::vector<Told> heard = stranger->hear(transforms);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].body, "first");
  EXPECT_EQ(server.metrics().replies_late.value(), 1U);
  EXPECT_TRUE(serves(*stranger));
}

TEST_F(BadCallbacks, Number62AnAnswerWithAWrongNumberIsIgnoredAndTheCallEndsAtItsDeadline) {
  auto stranger = dial();
  const Told asked = be_asked(*stranger, "who");
  stranger->send(reply(asked.seq + 1, "wrong"));
  pass(server.options().call_timeout + 100ms);

  const std::vector<Told> heard = stranger->hear(transforms);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].status.reason(), "call.deadline");
  EXPECT_EQ(server.metrics().replies_late.value(), 1U);
  EXPECT_TRUE(serves(*stranger));
}

TEST_F(BadCallbacks, Number63CallsThatAskForCallsWithoutEndAreRefusedAtTheLimit) {
  auto stranger = dial();
  std::size_t depth = 0;
  Status refused;
  stranger->send(frame({.method = "/ask_back"}));
  for (int round = 0; round < 1000 && refused.ok(); ++round) {
    pass(5ms);
    for (const Told& told : stranger->hear(transforms)) {
      if (told.kind != wire::Kind::kCall) {
        refused = told.status;
      } else {
        ++depth;  // answers a question by asking to be asked
        stranger->send(frame({.method = "/ask_back"}));
      }
    }
  }

  EXPECT_EQ(depth, kInflightCallsMax);
  EXPECT_EQ(refused.reason(), "session.inflight");
  pass(2s);
  stranger->hear(transforms);
  EXPECT_TRUE(serves(*stranger));
}

}  // namespace
}  // namespace fairlead::rpc
