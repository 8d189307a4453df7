#include "fairlead/rpc/duplicate_windows.h"

#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using enum DuplicateWindow::Seen;

class DuplicateWindowsTest : public ::testing::Test {
 protected:
  static ResumeSecret secret(int number) {
    std::string text = std::to_string(number);
    text.insert(0, 32 - text.size(), '0');
    return *ResumeSecret::parse(text);
  }
  using Lease = std::unique_ptr<DuplicateWindows::Lease>;
  Lease take(int number) { return windows->take(secret(number), core); }
  std::optional<DuplicateWindow::Seen> look(const Lease& lease, std::uint64_t id) const {
    const auto answer = lease->window()->look(id, 7, core.now(), lease->owner(), waiter);
    return answer.has_value() ? std::optional(answer->seen) : std::nullopt;
  }
  void complete(const Lease& lease, std::uint64_t id, std::size_t bytes) const {
    auto reply = std::make_shared<KeptReply>();
    reply->body.assign(bytes, 'x');
    lease->window()->complete(id, reply, core.now());
  }
  void pass(Duration time) { testkit::pass_time(core, time); }

  io::Simulation simulation{1};
  io::Core& core = simulation.add_core("core");
  std::optional<DuplicateWindows> windows{std::in_place};
  int told = 0;
  DuplicateWindow::Waiter waiter = [this](const std::shared_ptr<const KeptReply>&) { ++told; };
};

TEST_F(DuplicateWindowsTest, ASecretFindsItsWindowAgain) {
  Lease first = take(1);
  const std::uint64_t name = first->window()->name();
  (void)look(first, 1);
  complete(first, 1, 10);
  first.reset();
  pass(1min);

  const Lease again = take(1);

  EXPECT_EQ(again->window()->name(), name);
  EXPECT_EQ(look(again, 1), kReplied);
}

TEST_F(DuplicateWindowsTest, AnotherSecretSeesNothingOfIt) {
  const Lease first = take(1);
  (void)look(first, 1);
  complete(first, 1, 10);

  const Lease other = take(2);

  EXPECT_NE(other->window()->name(), first->window()->name());
  EXPECT_EQ(look(other, 1), kNew);
}

TEST_F(DuplicateWindowsTest, AWindowWithoutConnectionHasAnAge) {
  Lease first = take(1);
  const std::uint64_t name = first->window()->name();
  first.reset();
  pass(windows->options().age);

  const Lease again = take(1);

  EXPECT_NE(again->window()->name(), name) << "who has another name forgets";
  EXPECT_EQ(windows->count(), 1U);
}

TEST_F(DuplicateWindowsTest, TheLaterOfTwoConnectionsHasTheWindow) {
  Lease first = take(1);
  (void)look(first, 1);

  Lease second = take(1);

  EXPECT_EQ(look(first, 2), std::nullopt);
  EXPECT_EQ(look(second, 1), kInProgress);
  complete(first, 1, 10);
  EXPECT_EQ(told, 1) << "what the first one serves is still its window's";
  first.reset();
  EXPECT_EQ(look(second, 1), kReplied) << "its end parks nothing";
}

TEST_F(DuplicateWindowsTest, AConnectionThatIsGoneIsToldNothing) {
  Lease first = take(1);
  (void)look(first, 1);
  EXPECT_EQ(look(first, 1), kInProgress);
  const std::shared_ptr<internal::SharedWindow> window = first->window();

  first.reset();
  window->complete(1, nullptr, core.now());

  EXPECT_EQ(told, 0);
}

TEST_F(DuplicateWindowsTest, WindowsWithoutConnectionMakeRoom) {
  windows.emplace(DuplicateOptions{.windows_max = 2});
  Lease first = take(1);
  Lease second = take(2);
  EXPECT_EQ(take(3), nullptr) << "both have connections";
  const std::uint64_t name = second->window()->name();
  first.reset();

  const Lease third = take(3);

  EXPECT_NE(third, nullptr);
  EXPECT_EQ(windows->count(), 2U);
  EXPECT_EQ(take(2)->window()->name(), name);
}

TEST_F(DuplicateWindowsTest, AllBytesAreCounted) {
  Lease first = take(1);
  const std::size_t empty = windows->bytes();
  (void)look(first, 1);
  complete(first, 1, 1000);
  EXPECT_GE(windows->bytes(), empty + 1000 + DuplicateWindow::kIdBytes);

  first.reset();
  pass(windows->options().age);
  (void)take(2);

  EXPECT_EQ(windows->bytes(), empty) << "the first one is gone";
}

TEST_F(DuplicateWindowsTest, TheProcessHasABoundThatParkedOnesPayFirst) {
  constexpr std::size_t kBytes = 100'000;
  windows.emplace(DuplicateOptions{.reply_bytes_max = 60'000, .process_bytes_max = kBytes});
  Lease parked = take(1);
  (void)look(parked, 1);
  complete(parked, 1, 50'000);
  parked.reset();
  const Lease open = take(2);
  for (std::uint64_t id = 1; id <= 2; ++id) (void)look(open, id);
  complete(open, 1, 30'000);
  EXPECT_EQ(windows->count(), 2U);

  complete(open, 2, 29'000);

  EXPECT_EQ(windows->count(), 1U);
  EXPECT_LE(windows->bytes(), kBytes);
  EXPECT_EQ(look(open, 1), kReplied);
}

// The only window there is cannot grow: it keeps fewer answers and numbers.
TEST_F(DuplicateWindowsTest, AboveTheBoundAWindowMovesOn) {
  windows.emplace(DuplicateOptions{.reply_bytes_max = 20'000, .process_bytes_max = 20'000});
  const Lease one = take(1);
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    ASSERT_EQ(look(one, id), kNew);
    complete(one, id, 100);
    ASSERT_LE(windows->bytes(), 20'000U + 500);
  }

  EXPECT_EQ(look(one, 1), kForgotten);
  EXPECT_NE(look(one, 1000), kNew) << "whatever became of its answer";
}

// What others hold is no reason to refuse a sender everything.
TEST_F(DuplicateWindowsTest, AboveTheBoundAWindowHasAFew) {
  windows.emplace(DuplicateOptions{.reply_bytes_max = 0, .process_bytes_max = 20'000});
  const Lease full = take(1);
  for (std::uint64_t id = 1; windows->bytes() <= 20'000; ++id) ASSERT_EQ(look(full, id), kNew);
  const Lease late = take(2);

  for (std::uint64_t id = 1; id <= 200; ++id) {
    ASSERT_EQ(look(late, id), kNew) << id;
    late->window()->complete(id, nullptr, core.now());
  }

  EXPECT_LT(windows->bytes(), 30'000U);
  EXPECT_EQ(look(late, 200), kDropped);
  EXPECT_EQ(look(late, 100), kForgotten);
}

// Its sender says nothing more, and stays.
TEST_F(DuplicateWindowsTest, AboveTheBoundTheAgeOfASilentOneCountsToo) {
  windows.emplace(DuplicateOptions{.reply_bytes_max = 0, .process_bytes_max = 20'000});
  const Lease silent = take(1);
  for (std::uint64_t id = 1; windows->bytes() <= 20'000; ++id) {
    (void)look(silent, id);
    silent->window()->complete(id, nullptr, core.now());
  }
  const Lease other = take(2);
  pass(windows->options().age);

  EXPECT_EQ(look(other, 1), kNew);

  EXPECT_LT(windows->bytes(), 2'000U);
  EXPECT_EQ(look(silent, 1), kForgotten);
}

TEST_F(DuplicateWindowsTest, FewerWindowsMakeRoomAtOnce) {
  for (int number = 1; number <= 5; ++number) (void)take(number);
  windows->update({.windows_max = 2});

  EXPECT_NE(take(6), nullptr);
  EXPECT_EQ(windows->count(), 2U);
}

TEST_F(DuplicateWindowsTest, NewRulesHoldAtOnce) {
  const Lease one = take(1);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    (void)look(one, id);
    complete(one, id, 1);
  }
  windows->update({.ids_max = 2});

  EXPECT_EQ(look(one, 6), kNew);
  EXPECT_EQ(look(one, 4), kForgotten);
  EXPECT_EQ(look(one, 5), kReplied);
}

// Hostile: connections that show secrets which they make up.
TEST_F(DuplicateWindowsTest, TenThousandGuessesAreBounded) {
  windows.emplace(DuplicateOptions{.windows_max = 1000});
  for (int guess = 1; guess <= 10'000; ++guess) {
    const Lease lease = take(guess);
    ASSERT_NE(lease, nullptr);
  }
  EXPECT_EQ(windows->count(), 1000U);
  EXPECT_LT(windows->bytes(), 1'000'000U);
}

}  // namespace
}  // namespace fairlead::rpc
