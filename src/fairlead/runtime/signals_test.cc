#include "fairlead/runtime/signals.h"

#include <unistd.h>

#include <atomic>
#include <functional>
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

  std::unique_ptr<SignalWatcher> watch(std::initializer_list<int> also = {},
                                       std::function<void()> on_end = nullptr) {
    const auto on_signal = [this](int signal) { signals_.push_back(signal); };
    auto watcher = SignalWatcher::make(*core_, on_signal, also, std::move(on_end));
    EXPECT_TRUE(watcher.ok()) << watcher.status();
    return std::move(*watcher);
  }
  // Returns when the core was told of it.
  void send(int signal) {
    const std::size_t told = signals_.size();
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    turn_until_told(told + 1);
  }
  void turn_until_told(std::size_t count) {
    const Deadline patience = core_->deadline_after(std::chrono::seconds(20));
    while (signals_.size() < count && !patience.passed(core_->now())) core_->turn(patience);
  }
  // Returns when a watcher has heard of it: the core need not.
  static void send_unseen(int signal) {
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    sigset_t pending;
    do {
      ASSERT_EQ(::sigpending(&pending), 0);
    } while (sigismember(&pending, signal) != 0);
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
  send_unseen(SIGTERM);
  core_->turn(Deadline(core_->now()));

  EXPECT_EQ(signals_.size(), 1U);
}

TEST_F(SignalWatcherTest, TellsWhoMustKnowThatTheProcessEndsWhenTheCoreHangs) {
  std::atomic<bool> ends{false};
  const auto watcher = watch({}, [&ends] {
    ends = true;
    ends.notify_all();
  });

  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  ends.wait(false);

  EXPECT_EQ(signals_.size(), 0U) << "the core does not turn";
}

TEST_F(SignalWatcherTest, ASecondTermEndsTheProcessOfACoreThatHangs) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        while (true) ::kill(::getpid(), SIGTERM);  // until it is late enough
      },
      ::testing::ExitedWithCode(143), "");
}

// Once a core is told nothing more, what closes it may hang.
TEST_F(SignalWatcherTest, ASecondTermEndsTheProcessWhoseCoreHasBeenLeft) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        send(SIGTERM);
        watcher->leave_core();
        while (true) ::kill(::getpid(), SIGTERM);  // until it is late enough
      },
      ::testing::ExitedWithCode(143), "");
}

TEST_F(SignalWatcherTest, MayOutliveACoreThatItHasLeft) {
  EXPECT_EXIT(
      {
        const auto watcher = watch();
        watcher->leave_core();
        core_.reset();
        while (true) ::kill(::getpid(), SIGTERM);
      },
      ::testing::ExitedWithCode(143), "");
}

TEST_F(SignalWatcherTest, TellsNothingToACoreThatItHasLeft) {
  block_signals({SIGHUP});
  const auto watcher = watch({SIGHUP});
  send_unseen(SIGTERM);

  watcher->leave_core();
  ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
  core_->turn(Deadline(core_->now()));
  core_->turn(Deadline(core_->now()));

  EXPECT_EQ(signals_.size(), 0U);
  const auto next = watch({SIGHUP});  // which takes what nobody heard
  turn_until_told(1);
  EXPECT_EQ(signals_, (std::vector<int>{SIGHUP}));
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
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(130), "");
}

TEST_F(SignalWatcherTest, TellsOfHupOnlyWhenAsked) {
  block_signals({SIGHUP});
  const auto watcher = watch({SIGHUP});

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
        ::kill(::getpid(), SIGINT);  // the core is not asked
        while (true) ::pause();
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
