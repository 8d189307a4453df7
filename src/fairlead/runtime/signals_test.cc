#include "fairlead/runtime/signals.h"

#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

class SignalWatcherTest : public ::testing::Test {
 protected:
  SignalWatcherTest() {
    block_signals();
    Result<std::unique_ptr<io::Core>> core = io::Core::make();
    EXPECT_TRUE(core.ok());
    core_ = std::move(*core);
  }

  std::unique_ptr<SignalWatcher> watch() {
    auto watcher = SignalWatcher::make(*core_, [this](int signal) { signals_.push_back(signal); });
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return std::move(*watcher);
  }
  void send(int signal) {
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    core_->turn(core_->deadline_after(std::chrono::seconds(5)));
  }

  std::unique_ptr<io::Core> core_;
  std::vector<int> signals_;
};

TEST_F(SignalWatcherTest, TellsTheCoreOfTermAndInt) {
  const auto watcher = watch();

  send(SIGTERM);
  EXPECT_EQ(signals_, (std::vector<int>{SIGTERM}));
  EXPECT_EQ(watcher->sender(), ::getpid());
}

TEST_F(SignalWatcherTest, TellsTheCoreOfInt) {
  const auto watcher = watch();

  send(SIGINT);

  EXPECT_EQ(signals_, (std::vector<int>{SIGINT}));
}

// As timeout(1) sends it: to the process and to its group.
TEST_F(SignalWatcherTest, TakesTwoTermsAtTheSameMomentForOne) {
  const auto watcher = watch();

  send(SIGTERM);
  ::kill(::getpid(), SIGTERM);

  EXPECT_EQ(signals_.size(), 1U);
}

TEST_F(SignalWatcherTest, ALaterTermEndsTheProcessWith143) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        send(SIGTERM);
        while (true) ::kill(::getpid(), SIGTERM);  // until it is late enough
      },
      ::testing::ExitedWithCode(143), "");
}

TEST_F(SignalWatcherTest, AnIntBehindATermEndsTheProcessWith130) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        send(SIGTERM);
        ::kill(::getpid(), SIGINT);
      },
      ::testing::ExitedWithCode(130), "");
}

TEST_F(SignalWatcherTest, TellsOfHupOnlyWhenAsked) {
  block_signals({SIGHUP});
  auto made =
      SignalWatcher::make(*core_, [this](int signal) { signals_.push_back(signal); }, {SIGHUP});
  ASSERT_TRUE(made.ok()) << made.status();

  send(SIGHUP);
  send(SIGTERM);

  EXPECT_EQ(signals_, (std::vector<int>{SIGHUP, SIGTERM}));
}

TEST_F(SignalWatcherTest, CanBeMadeAgainAfterAnInt) {
  auto first = watch();
  send(SIGINT);
  first.reset();

  const auto second = watch();
  send(SIGINT);

  EXPECT_EQ(signals_, (std::vector<int>{SIGINT, SIGINT}));
}

TEST_F(SignalWatcherTest, ASecondIntEndsTheProcessWith130) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        send(SIGINT);
        ::kill(::getpid(), SIGINT);  // delivered at once: the core is not asked
      },
      ::testing::ExitedWithCode(130), "");
}

TEST(BlockSignals, IgnoresAPipeWithoutReader) {
  block_signals();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);

  EXPECT_EQ(::write(ends[1], "x", 1), -1);

  ::close(ends[1]);
}

}  // namespace
}  // namespace fairlead::runtime
