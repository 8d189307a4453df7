#include "fairlead/rpc/duplicate_window.h"

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using enum DuplicateWindow::Seen;

class DuplicateWindowTest : public ::testing::Test {
 protected:
  DuplicateWindow::Answer look(std::uint64_t id, std::uint64_t print = 7, std::uint64_t owner = 1) {
    return window.look(id, print, options, now, owner,
                       [this](const std::shared_ptr<const KeptReply>& reply) {
                         told.push_back(reply == nullptr ? "-" : reply->body);
                       });
  }
  void complete(std::uint64_t id, std::string body) {
    auto reply = std::make_shared<KeptReply>();
    reply->body = std::move(body);
    tell(window.complete(id, reply, options, now), reply);
  }
  static void tell(const std::vector<DuplicateWindow::Waiter>& waiters,
                   const std::shared_ptr<const KeptReply>& reply) {
    for (const auto& waiter : waiters) waiter(reply);
  }

  DuplicateWindow window;
  DuplicateOptions options;
  Time now{1h};
  std::vector<std::string> told;
};

TEST_F(DuplicateWindowTest, AMessageIsServedOnce) {
  EXPECT_EQ(look(1).seen, kNew);
  complete(1, "a");

  const DuplicateWindow::Answer again = look(1);

  EXPECT_EQ(again.seen, kReplied);
  EXPECT_EQ(again.reply->body, "a");
  EXPECT_TRUE(told.empty());
}

TEST_F(DuplicateWindowTest, ARepeatOfOneInProgressGetsItsReply) {
  (void)look(1);

  EXPECT_EQ(look(1).seen, kInProgress);
  EXPECT_EQ(look(1).seen, kInProgress);
  EXPECT_TRUE(told.empty());
  complete(1, "a");

  EXPECT_EQ(told, (std::vector<std::string>{"a", "a"}));
}

TEST_F(DuplicateWindowTest, WaitersOfAnOwnerThatIsGoneAreNotTold) {
  (void)look(1);
  (void)look(1, 7, 1);
  (void)look(1, 7, 2);

  window.forget_waiters(1);
  complete(1, "a");

  EXPECT_EQ(told, std::vector<std::string>{"a"});
}

TEST_F(DuplicateWindowTest, OnlySoManyMayWaitForOne) {
  (void)look(1);
  for (std::size_t i = 0; i < DuplicateWindow::kWaitersMax; ++i) {
    EXPECT_EQ(look(1).seen, kInProgress);
  }
  EXPECT_EQ(look(1).seen, kCrowded);
}

TEST_F(DuplicateWindowTest, ANumberThatIsUsedForAnotherMessageIsRefused) {
  (void)look(1, 7);
  EXPECT_EQ(look(1, 8).seen, kOther);
  complete(1, "a");
  EXPECT_EQ(look(1, 8).seen, kOther);
}

TEST_F(DuplicateWindowTest, AReplyOverTheLimitIsNotKept) {
  options.reply_bytes_max = 1000;
  (void)look(1);
  (void)look(2);
  complete(1, std::string(1000 - sizeof(KeptReply), 'a'));
  EXPECT_EQ(look(1).seen, kReplied);

  complete(2, std::string(1001 - sizeof(KeptReply), 'b'));

  EXPECT_EQ(look(2).seen, kDropped);
  EXPECT_EQ(look(1).seen, kReplied) << "the small one stays";
  EXPECT_EQ(window.reply_bytes(), 1000U);
}

TEST_F(DuplicateWindowTest, TheOldestRepliesMakeRoom) {
  options.reply_bytes_max = 1000;
  for (std::uint64_t id = 1; id <= 3; ++id) (void)look(id);
  complete(2, std::string(400 - sizeof(KeptReply), 'b'));
  complete(3, std::string(400 - sizeof(KeptReply), 'c'));
  complete(1, std::string(400 - sizeof(KeptReply), 'a'));  // before 2, which goes

  EXPECT_EQ(look(1).seen, kReplied);
  EXPECT_EQ(look(2).seen, kDropped);
  EXPECT_EQ(look(3).seen, kReplied);
  (void)look(4);
  complete(4, std::string(400 - sizeof(KeptReply), 'd'));
  EXPECT_EQ(look(1).seen, kDropped) << "the first number is the oldest";
  EXPECT_LE(window.reply_bytes(), options.reply_bytes_max);
}

TEST_F(DuplicateWindowTest, WhatWasEndedWithoutAReplyIsNotServedAgain) {
  (void)look(1);
  (void)look(1);

  tell(window.complete(1, nullptr, options, now), nullptr);

  EXPECT_EQ(look(1).seen, kDropped);
  EXPECT_EQ(told, std::vector<std::string>{"-"});
}

TEST_F(DuplicateWindowTest, WhatIsOlderThanItsAgeIsRefused) {
  (void)look(1);
  complete(1, "a");
  now += options.age - 1ns;
  (void)look(2);
  EXPECT_EQ(look(1).seen, kReplied);
  now += 1ns;
  (void)look(3);

  EXPECT_EQ(look(1).seen, kForgotten);
}

TEST_F(DuplicateWindowTest, WhatManyCameAfterIsRefused) {
  options.ids_max = 3;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    EXPECT_EQ(look(id).seen, kNew);
    complete(id, "a");
  }

  EXPECT_EQ(look(1).seen, kForgotten);
  EXPECT_EQ(look(2).seen, kReplied);
  EXPECT_EQ(window.ids(), 3U);
}

TEST_F(DuplicateWindowTest, WhatIsInProgressIsNeverForgotten) {
  options.ids_max = 2;
  (void)look(1);
  (void)look(2);
  now += 1h;

  EXPECT_EQ(look(3).seen, kFull) << "both are in progress";
  complete(1, "a");
  EXPECT_EQ(look(3).seen, kNew);
  EXPECT_EQ(look(1).seen, kForgotten);
  EXPECT_EQ(look(2).seen, kInProgress);
}

// One that takes long is not in the way of those behind it, and is still served once.
TEST_F(DuplicateWindowTest, WhatIsInProgressHoldsUpNothing) {
  options.ids_max = 3;
  (void)look(1);
  for (std::uint64_t id = 2; id <= 100; ++id) {
    ASSERT_EQ(look(id).seen, kNew) << id;
    complete(id, "b");
  }
  EXPECT_EQ(window.ids(), 3U);
  EXPECT_EQ(look(2).seen, kForgotten);
  EXPECT_EQ(look(1).seen, kInProgress);

  complete(1, "a");

  EXPECT_EQ(told, std::vector<std::string>{"a"});
  EXPECT_EQ(look(101).seen, kNew);
  EXPECT_EQ(look(1).seen, kReplied) << "it was served later than the others";
  EXPECT_EQ(look(99).seen, kForgotten);
}

TEST_F(DuplicateWindowTest, WhatIsOldIsForgottenWithoutAMessage) {
  (void)look(1);
  (void)look(2);
  complete(2, "b");
  now += options.age;
  (void)look(3);
  complete(3, "c");

  window.forget_old(options.age, now);

  EXPECT_EQ(window.ids(), 2U);
  EXPECT_EQ(look(2).seen, kForgotten);
  EXPECT_EQ(look(1).seen, kInProgress);
  EXPECT_EQ(look(3).seen, kReplied);
}

TEST_F(DuplicateWindowTest, AGapMayBeFilledLater) {
  EXPECT_EQ(look(5).seen, kNew);
  EXPECT_EQ(look(3).seen, kNew) << "it was never seen, and nothing was forgotten";
  complete(3, "c");
  EXPECT_EQ(look(3).seen, kReplied);
}

// Whoever sends numbers without end has a window of ids_max.
TEST_F(DuplicateWindowTest, ManyNumbersAreBounded) {
  for (std::uint64_t id = 1; id <= 200'000; ++id) {
    ASSERT_EQ(look(id * 3).seen, kNew);
    complete(id * 3, "0123456789");
  }

  EXPECT_EQ(window.ids(), options.ids_max);
  EXPECT_LE(window.reply_bytes(), options.reply_bytes_max);
  EXPECT_EQ(look(1).seen, kForgotten);
}

TEST(DuplicateOptions, AreChecked) {
  EXPECT_TRUE(DuplicateOptions{}.validate().ok());
  EXPECT_EQ(DuplicateOptions{.ids_max = 0}.validate().reason(), "dedup.bad_option");
  EXPECT_EQ(DuplicateOptions{.ids_max = 1'000'001}.validate().reason(), "dedup.bad_option");
  EXPECT_EQ(DuplicateOptions{.age = 0s}.validate().reason(), "dedup.bad_option");
  EXPECT_EQ(DuplicateOptions{.windows_max = 0}.validate().reason(), "dedup.bad_option");
  EXPECT_EQ((DuplicateOptions{.reply_bytes_max = 9, .process_bytes_max = 8}).validate().reason(),
            "dedup.bad_option");
}

}  // namespace
}  // namespace fairlead::rpc
