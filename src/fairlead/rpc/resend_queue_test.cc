#include "fairlead/rpc/resend_queue.h"

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using State = ResendQueue::State;
using enum DeliveryMode;

constexpr std::uint64_t kWindow = 77;

class ResendQueueTest : public ::testing::Test {
 protected:
  struct Item final : ResendQueue::Entry {
    void on_end(Status status) override {
      ++ends;
      ended = std::move(status);
    }
    int ends = 0;
    Status ended;
  };

  ~ResendQueueTest() override { queue.close(given_up()); }
  Status add(Item& item, DeliveryMode mode, bool push = false, std::size_t bytes = 10,
             Deadline deadline = {}) {
    return queue.add(item, {.mode = mode, .push = push, .bytes = bytes, .deadline = deadline}, now);
  }
  static Status given_up() {
    return Status(Code::kDialFailed, "test.given_up", "").with_outcome(Outcome::kNotSent);
  }
  // Writes the first of the queue as bytes [from, to).
  Item& write(std::uint64_t from, std::uint64_t to, std::uint64_t window = kWindow) {
    auto* item = static_cast<Item*>(queue.next_queued());
    queue.begin_write(*item, &link, window);
    queue.wrote(*item, from, to);
    return *item;
  }

  ResendBudget budget{1000};
  ResendQueue queue{{.messages_max = 4, .bytes_max = 100, .process = &budget}};
  Time now{1h};
  int link = 0;
  int other_link = 0;
  Item a, b, c, d, e;
};

struct Row {
  const char* what;
  DeliveryMode mode;
  bool push;
  std::uint64_t handed_over;  // of the bytes 0 .. 10 of the message
  State then;
  bool uncertain;
};

// The table of the header, row by row.
TEST_F(ResendQueueTest, ALostLinkDoesAsTheTableSays) {
  const Row rows[] = {
      {"at most once, unsent", kAtMostOnce, false, 0, State::kQueued, false},
      {"at most once, cut", kAtMostOnce, false, 1, State::kFailed, false},
      {"at most once, sent", kAtMostOnce, false, 10, State::kFailed, false},
      {"at least once, unsent", kAtLeastOnce, false, 0, State::kQueued, false},
      {"at least once, cut", kAtLeastOnce, false, 9, State::kQueued, true},
      {"at least once, sent", kAtLeastOnce, true, 10, State::kQueued, true},
      {"best effort, unsent", kBestEffort, true, 0, State::kQueued, false},
      {"best effort, cut", kBestEffort, true, 5, State::kFailed, false},
      {"best effort, sent", kBestEffort, true, 10, State::kReplied, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Item item;
    ASSERT_TRUE(add(item, row.mode, row.push).ok());
    write(0, 10);

    queue.link_lost(&link, row.handed_over, "why");

    EXPECT_EQ(item.state(), row.then);
    EXPECT_EQ(item.uncertain(), row.uncertain);
    if (row.then == State::kFailed) {
      const bool cut = row.handed_over < 10;
      EXPECT_EQ(item.ended.code(), cut ? Code::kWriteFailed : Code::kConnectionClosed);
      EXPECT_EQ(item.ended.outcome(), Outcome::kUnknown);
    }
  }
}

TEST_F(ResendQueueTest, OneThatIsSentAgainKeepsItsNumberAndItsPlace) {
  for (Item* item : {&a, &b, &c}) ASSERT_TRUE(add(*item, kAtLeastOnce).ok());
  write(0, 10);
  write(10, 20);
  EXPECT_EQ(a.id(), 1U);
  EXPECT_EQ(b.id(), 2U);

  queue.link_lost(&link, 15, "why");

  EXPECT_EQ(&write(0, 10), &a);
  EXPECT_EQ(&write(10, 20), &b);
  EXPECT_EQ(&write(20, 30), &c);
  EXPECT_EQ(a.id(), 1U);
  EXPECT_EQ(b.id(), 2U);
  EXPECT_EQ(c.id(), 3U);
}

TEST_F(ResendQueueTest, AnotherLinksLossIsNotItsOwn) {
  ASSERT_TRUE(add(a, kAtMostOnce).ok());
  write(0, 10);

  queue.link_lost(&other_link, 10, "why");

  EXPECT_EQ(a.state(), State::kWriting);
  queue.handed_over(&link, 10);
  EXPECT_EQ(a.state(), State::kSent);
}

TEST_F(ResendQueueTest, WhatIsPerhapsServedGoesOnlyToWhoKnows) {
  for (Item* item : {&a, &b}) ASSERT_TRUE(add(*item, kAtLeastOnce).ok());
  write(0, 10);
  write(10, 20);
  queue.link_lost(&link, 10, "why");

  queue.window_is(kWindow);
  EXPECT_EQ(a.ends + b.ends, 0);
  queue.window_is(kWindow + 1);

  EXPECT_EQ(a.state(), State::kFailed);
  EXPECT_EQ(a.ended.outcome(), Outcome::kUnknown);
  EXPECT_EQ(a.ended.cause() == nullptr ? "" : *a.ended.cause(), "resend.window_lost");
  EXPECT_EQ(b.state(), State::kQueued) << "no byte of it had left";
}

// A server that keeps no window, and then one more that does not either.
TEST_F(ResendQueueTest, WithoutAWindowNothingIsSentTwice) {
  ASSERT_TRUE(add(a, kAtLeastOnce).ok());
  write(0, 10);
  queue.link_lost(&link, 0, "why");
  write(0, 10, 0);

  queue.link_lost(&link, 10, "why");

  EXPECT_EQ(a.ended.outcome(), Outcome::kUnknown);
}

TEST_F(ResendQueueTest, OnlyOneTakesAnAttempt) {
  ASSERT_TRUE(add(a, kAtLeastOnce).ok());
  ASSERT_TRUE(add(b, kAtLeastOnce).ok());
  write(0, 10);

  EXPECT_FALSE(queue.take(a)) << "the writer has it";
  EXPECT_TRUE(queue.take(b));
  EXPECT_FALSE(queue.take(b));
  EXPECT_EQ(b.state(), State::kMoved);
  EXPECT_EQ(queue.next_queued(), nullptr);
  queue.link_lost(&link, 10, "why");
  EXPECT_FALSE(queue.take(a)) << "perhaps it was served: nobody else may have it";
  EXPECT_EQ(b.ends, 0);
}

TEST_F(ResendQueueTest, RefusesOneMoreMessage) {
  for (Item* item : {&a, &b, &c, &d}) ASSERT_TRUE(add(*item, kAtLeastOnce).ok());

  const Status refused = add(e, kAtLeastOnce);

  EXPECT_EQ(refused.code(), Code::kSendQueueFull);
  EXPECT_EQ(refused.reason(), "resend.full");
  EXPECT_EQ(refused.outcome(), Outcome::kNotSent);
  queue.end(a, State::kReplied, Status());
  EXPECT_TRUE(add(e, kAtLeastOnce).ok());
}

TEST_F(ResendQueueTest, RefusesOneMoreByte) {
  ASSERT_TRUE(add(a, kAtLeastOnce, false, 60).ok());
  EXPECT_EQ(add(b, kAtLeastOnce, false, 41).reason(), "resend.full");
  EXPECT_TRUE(add(b, kAtLeastOnce, false, 40).ok());
  EXPECT_EQ(queue.bytes(), 100U);
}

TEST_F(ResendQueueTest, AllQueuesOfTheProcessShareABudget) {
  ResendQueue another({.bytes_max = 1000, .process = &budget});
  Item large;
  ASSERT_TRUE(another.add(large, {.bytes = 950}, now).ok());
  EXPECT_EQ(add(a, kAtLeastOnce, false, 51).reason(), "resend.full");
  EXPECT_TRUE(add(a, kAtLeastOnce, false, 50).ok());

  another.end(large, State::kReplied, Status());

  EXPECT_EQ(budget.bytes(), 50U);
}

TEST_F(ResendQueueTest, AFullQueueDropsItsOldestPushWhereItMay) {
  queue.update({.messages_max = 3, .bytes_max = 100, .overflow = ResendOverflow::kDropOldest});
  ASSERT_TRUE(add(a, kAtLeastOnce).ok());
  ASSERT_TRUE(add(b, kBestEffort, true).ok());
  ASSERT_TRUE(add(c, kBestEffort, true).ok());

  EXPECT_EQ(add(d, kAtLeastOnce).reason(), "resend.full") << "a call takes nobody's place";
  ASSERT_TRUE(add(d, kBestEffort, true).ok());

  EXPECT_EQ(b.ended.reason(), "resend.full");
  EXPECT_EQ(a.ends + c.ends, 0);
}

TEST_F(ResendQueueTest, OldestPushesMakePlaceInTheProcessToo) {
  queue.update({.messages_max = 4, .bytes_max = 1000, .overflow = ResendOverflow::kDropOldest});
  ResendQueue another({.bytes_max = 1000, .process = &budget});
  Item large;
  ASSERT_TRUE(another.add(large, {.bytes = 900}, now).ok());
  ASSERT_TRUE(add(a, kBestEffort, true, 50).ok());
  ASSERT_TRUE(add(b, kBestEffort, true, 50).ok());

  EXPECT_TRUE(add(c, kBestEffort, true, 50).ok());

  EXPECT_EQ(a.ended.reason(), "resend.full");
  EXPECT_EQ(b.ends, 0);
  EXPECT_EQ(budget.bytes(), 1000U);
  another.close(given_up());
}

TEST_F(ResendQueueTest, WhereAllOldPushesAreNotEnoughNoneIsDropped) {
  queue.update({.messages_max = 4, .bytes_max = 100, .overflow = ResendOverflow::kDropOldest});
  ASSERT_TRUE(add(a, kAtLeastOnce, false, 60).ok());
  ASSERT_TRUE(add(b, kBestEffort, true, 20).ok());
  ASSERT_TRUE(add(c, kBestEffort, true, 20).ok());

  EXPECT_EQ(add(d, kBestEffort, true, 41).reason(), "resend.full");

  EXPECT_EQ(b.ends + c.ends, 0);
  EXPECT_TRUE(add(d, kBestEffort, true, 40).ok());
  EXPECT_EQ(b.ends + c.ends, 2);
}

TEST_F(ResendQueueTest, NothingIsSentPastItsDeadlineOrItsAge) {
  ASSERT_TRUE(add(a, kAtLeastOnce, false, 10, Deadline(now + 1s)).ok());
  ASSERT_TRUE(add(b, kAtLeastOnce, false, 10, Deadline(now + 1h)).ok());
  ASSERT_TRUE(add(c, kAtLeastOnce, false, 10, Deadline(now + 1h)).ok());
  write(0, 10);
  queue.link_lost(&link, 10, "why");
  EXPECT_EQ(queue.next_expiry(), now + 1s);

  queue.expire(now + 1s - 1ns);
  EXPECT_EQ(a.ends, 0);
  queue.expire(now + 1s);
  EXPECT_EQ(a.ended.reason(), "call.deadline");
  EXPECT_EQ(a.ended.outcome(), Outcome::kUnknown) << "it had been sent";
  queue.expire(now + queue.options().ttl);

  EXPECT_EQ(b.ended.reason(), "resend.ttl");
  EXPECT_EQ(b.ended.outcome(), Outcome::kNotSent);
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(add(d, kAtLeastOnce, false, 10, Deadline(now)).reason(), "call.deadline");
}

TEST_F(ResendQueueTest, CountsWhatIsInEachState) {
  for (Item* item : {&a, &b, &c}) ASSERT_TRUE(add(*item, kAtLeastOnce).ok());
  write(0, 10);
  write(10, 20);
  queue.handed_over(&link, 10);

  EXPECT_EQ(queue.counts().queued, 1U);
  EXPECT_EQ(queue.counts().writing, 1U);
  EXPECT_EQ(queue.counts().sent, 1U);
  queue.close(given_up());
  EXPECT_EQ(queue.counts().queued + queue.counts().writing + queue.counts().sent, 0U);
  EXPECT_EQ(a.ended.reason(), "resend.closed");
  EXPECT_EQ(a.ended.outcome(), Outcome::kUnknown);
  EXPECT_EQ(c.ended.reason(), "test.given_up");
  EXPECT_EQ(c.ended.outcome(), Outcome::kNotSent);
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST_F(ResendQueueTest, OneThatIsDestroyedLeaves) {
  {
    Item gone;
    ASSERT_TRUE(add(gone, kAtLeastOnce).ok());
  }
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST(ResendOptions, AreChecked) {
  EXPECT_TRUE(ResendOptions{}.validate().ok());
  EXPECT_EQ(ResendOptions{.messages_max = 0}.validate().reason(), "resend.bad_option");
  EXPECT_EQ(ResendOptions{.messages_max = 65537}.validate().reason(), "resend.bad_option");
  EXPECT_EQ(ResendOptions{.bytes_max = 0}.validate().reason(), "resend.bad_option");
  EXPECT_EQ(ResendOptions{.ttl = 0s}.validate().reason(), "resend.bad_option");
}

}  // namespace
}  // namespace fairlead::rpc
