#include "fairlead/async/mailbox.h"

#include <thread>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Mailbox, TellsTheFirstSenderToWakeTheReceiver) {
  Mailbox box;
  EXPECT_TRUE(box.put([] {}));
  EXPECT_FALSE(box.put([] {}));
  EXPECT_EQ(box.run_all(), 2U);
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.put([] {}));
  EXPECT_EQ(box.run_all(), 1U);
}

TEST(Mailbox, LeavesLettersPutMeanwhileForTheNextCall) {
  Mailbox box;
  int ran = 0;
  box.put([&] { box.put([&] { ++ran; }); });
  EXPECT_EQ(box.run_all(), 1U);
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(box.run_all(), 1U);
  EXPECT_EQ(ran, 1);
}

TEST(Mailbox, LosesNothingFromManySenders) {
  Mailbox box;
  constexpr int kLetters = 2000;
  int ran = 0;
  const auto send = [&] {
    for (int i = 0; i < kLetters; ++i) box.put([&] { ++ran; });
  };
  std::thread a(send);
  std::thread b(send);
  while (ran < 2 * kLetters) box.run_all();
  a.join();
  b.join();
  EXPECT_EQ(ran, 2 * kLetters);
}

}  // namespace
}  // namespace fairlead
