// Heartbeats of others, as a Go peer sends them, and how a server answers them.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/rpc/bad_peer.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::Parts;
using test::Stranger;
using test::Told;

constexpr int kPush = 3;

class HeartbeatTest : public test::BadPeerTest {
 protected:
  static Parts beat(std::string rate, int kind = 1) {
    return {.kind = kind,
            .method = "/heartbeat",
            .metadata = rate.empty() ? "" : "hb_=" + rate,
            .codec = 'j',
            .body = ""};
  }
  std::vector<Told> answers(Stranger& stranger, const Parts& parts) {
    stranger.send(frame(parts));
    pass(100ms);
    return stranger.hear(transforms);
  }
  static observe::Counter ends(const Peer& peer, LinkEnd end) {
    return peer.metrics().links_closed[static_cast<std::size_t>(end)];
  }
};

TEST_F(HeartbeatTest, IsAnsweredAsErpcDoes) {
  auto stranger = dial();
  const std::vector<Told> heard = answers(*stranger, beat("3"));

  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, wire::Kind::kReply);
  EXPECT_EQ(heard[0].seq, 1);
  EXPECT_TRUE(heard[0].status.ok());
  EXPECT_EQ(heard[0].codec, 'j');
  EXPECT_EQ(heard[0].body, "null");
  EXPECT_EQ(heard[0].metadata, "");
  EXPECT_EQ(server.metrics().calls_received.value(), 0U) << "the good one calls at the end only";
}

TEST_F(HeartbeatTest, InAnotherCodecIsAnsweredWithNothing) {
  auto stranger = dial();
  Parts parts = beat("3");
  parts.codec = 'p';
  const std::vector<Told> heard = answers(*stranger, parts);

  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].codec, 'p');
  EXPECT_EQ(heard[0].body, "");
}

TEST_F(HeartbeatTest, AsAPushIsAnsweredByNothing) {
  auto stranger = dial();
  EXPECT_TRUE(answers(*stranger, beat("3", kPush)).empty());
  EXPECT_EQ(server.metrics().pushes_failed.value(), 0U);
}

TEST_F(HeartbeatTest, TheFirstOneMustNameARateOfThreeSecondsOrMore) {
  for (const char* rate : {"", "x", "2", "0", "-3", "3s"}) {
    SCOPED_TRACE(rate);
    auto stranger = dial();
    const std::vector<Told> heard = answers(*stranger, beat(rate));

    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].status.code(), Code::kBadMessage);
    EXPECT_EQ(heard[0].status.reason(), "heartbeat.bad_rate");
    EXPECT_EQ(heard[0].status.message(), "invalid heartbeat rate");
    ASSERT_NE(heard[0].status.cause(), nullptr);
    EXPECT_EQ(*heard[0].status.cause(), rate);
  }
  EXPECT_TRUE(answers(*dial(), beat("3")).front().status.ok());
}

TEST_F(HeartbeatTest, LaterOnesNeedNoRate) {
  auto stranger = dial();
  answers(*stranger, beat("10"));

  EXPECT_TRUE(answers(*stranger, beat("")).front().status.ok());
  EXPECT_TRUE(answers(*stranger, beat("1")).front().status.ok());
}

TEST_F(HeartbeatTest, WhoPromisedARateAndIsSilentForTwiceAsLongIsClosed) {
  auto stranger = dial();
  answers(*stranger, beat("3"));
  pass(5800ms);
  EXPECT_FALSE(stranger->closed());
  pass(300ms);

  EXPECT_TRUE(stranger->closed());
  EXPECT_EQ(ends(server, LinkEnd::kHeartbeat).value(), 1U);
}

TEST_F(HeartbeatTest, WhoKeepsItsPromiseStays) {
  auto stranger = dial();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(answers(*stranger, beat("3", i % 2 == 0 ? 1 : kPush)).size(), i % 2 == 0 ? 1U : 0U);
    pass(4s);
    ASSERT_FALSE(stranger->closed());
  }
}

TEST_F(HeartbeatTest, OtherMessagesKeepThePromiseToo) {
  auto stranger = dial();
  answers(*stranger, beat("3"));
  for (int i = 0; i < 20; ++i) {
    pass(5s);
    ASSERT_TRUE(serves(*stranger));
  }
}

TEST_F(HeartbeatTest, ARefusedRateIsNoPromise) {
  auto stranger = dial();
  answers(*stranger, beat("2"));
  pass(5min);

  EXPECT_FALSE(stranger->closed());
}

// 200 in a minute are ten times one every three seconds.
TEST_F(HeartbeatTest, TooManyForAMinuteEndTheConnection) {
  auto stranger = dial();
  int sent = 0;
  for (; sent < 400 && !stranger->closed(); ++sent) {
    stranger->send(frame(beat("3")));
    pass(200ms);
  }

  EXPECT_TRUE(stranger->closed());
  EXPECT_GE(sent, 300);
  EXPECT_LE(sent, 303);
  EXPECT_EQ(ends(server, LinkEnd::kTooManyPings).value(), 1U);
}

TEST_F(HeartbeatTest, ManyButNotTenTimesTooManyAreAnswered) {
  auto stranger = dial();
  for (int i = 0; i < 600; ++i) {
    stranger->send(frame(beat("3")));
    pass(320ms);
  }

  EXPECT_FALSE(stranger->closed());
  EXPECT_EQ(stranger->hear(transforms).size(), 600U);
}

TEST_F(HeartbeatTest, TheReplyToOneThatNobodySentChangesNothing) {
  auto stranger = dial();
  stranger->send(frame({.kind = 2, .method = "", .metadata = "hb_=10"}));
  stranger->send(frame({.kind = kPush, .method = "/heartbeat", .metadata = "pong=1&min=9"}));
  pass(100ms);

  EXPECT_TRUE(serves(*stranger));
}

}  // namespace
}  // namespace fairlead::rpc
