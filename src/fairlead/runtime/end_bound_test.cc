#include "fairlead/runtime/end_bound.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/observe/async_log_sink.h"
#include "fairlead/observe/log.h"
#include "tests/testkit/threads.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// With a log on standard error, as programs have one.
class EndBoundTest : public ::testing::Test {
 protected:
  EndBoundTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  static std::unique_ptr<EndBound> begun(Duration time, std::function<Unended()> look) {
    auto bound = EndBound::make("math", std::move(look)).value();
    bound->begin(time);
    return bound;
  }

  observe::Logger logger{{}, observe::AsyncLogSink::make({}).value()};
  observe::ScopedDefaultLogger as_default{logger};
};

TEST_F(EndBoundTest, EndsTheProcessAndSaysWhatRuns) {
  EXPECT_EXIT(
      {
        const auto bound = begun(10ms, [] { return Unended{"pool db (1 jobs)", 3}; });
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*math.*pool db \\(1 jobs\\).*calls_cut=3");
}

TEST_F(EndBoundTest, WaitsForNothingThatHangsWhileItTells) {
  EXPECT_EXIT(
      {
        const auto bound = begun(10ms, []() -> Unended {
          while (true) ::pause();
        });
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "");
}

TEST_F(EndBoundTest, LooksAtNothingThatGoesAway) {
  EXPECT_EXIT(
      {
        const auto bound = begun(1s, [] { return Unended{"what is gone", 0}; });
        bound->stop_looking();
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*runs=\"?\"? ");
}

TEST_F(EndBoundTest, LetsNothingGoAwayWhileItLooks) {
  EXPECT_EXIT(
      {
        std::atomic<bool> looks{false};
        const auto bound = begun(10ms, [&looks] {
          looks = true;
          looks.notify_all();
          return Unended{"all", 0};
        });
        looks.wait(false);
        bound->stop_looking();
        _exit(7);
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*all");
}

TEST_F(EndBoundTest, LetsAProcessEndThatDoesSoInTime) {
  bool looked = false;
  {
    const auto bound = begun(1h, [&looked] {
      looked = true;
      return Unended();
    });
    bound->stop_looking();
  }
  EXPECT_FALSE(looked);
}

TEST_F(EndBoundTest, WaitsUntilItIsTold) {
  bool looked = false;
  {
    const auto bound = EndBound::make("math", [&looked] {
                         looked = true;
                         return Unended();
                       }).value();
  }
  EXPECT_FALSE(looked);
}

TEST_F(EndBoundTest, GivesTheLongerOfTwoBounds) {
  EXPECT_EXIT(
      {
        const auto bound = begun(1s, [] { return Unended(); });
        bound->begin(1300ms);
        bound->begin(10ms);
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*seconds=1.3");
}

// Not from the latest one on, by which it would never come here.
TEST_F(EndBoundTest, CountsFromTheFirstOn) {
  EXPECT_EXIT(
      {
        const auto bound = begun(300ms, [] { return Unended(); });
        while (true) {
          std::this_thread::sleep_for(50ms);
          bound->begin(300ms);
        }
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*seconds=0.3");
}

// What ends in time may go on for as long as it likes with what is no part of that.
TEST_F(EndBoundTest, DoesNothingOnceTheEndHasCome) {
  EXPECT_EXIT(
      {
        {
          const auto bound = EndBound::make("math", [] { return Unended(); }).value();
          bound->finish();
          bound->begin(0s);
          std::this_thread::sleep_for(100ms);
        }
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "");
}

// Where threads have used up their limit there is none for the end either.
TEST_F(EndBoundTest, NeedsNoNewThread) {
  EXPECT_EXIT(
      {
        const auto bound = EndBound::make("math", [] { return Unended{"all", 0}; }).value();
        testkit::use_up_threads();
        bound->begin(10ms);
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*all");
}

TEST_F(EndBoundTest, SaysThatThereIsNoThread) {
  EXPECT_EXIT(
      {
        testkit::use_up_threads();
        const auto made = EndBound::make("math", [] { return Unended(); });
        std::fprintf(stderr, "%s", made.status().to_string().c_str());
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "process.no_thread.*ulimit -u");
}

TEST_F(EndBoundTest, IsAMinuteAtLeastWhereAnotherProcessHasTakenOver) {
  EXPECT_EQ(EndBound::of(2s, 20s, false), 30s);
  EXPECT_EQ(EndBound::of(2s, 20s, true), 60s);
  EXPECT_EQ(EndBound::of(2s, 1h, true), 1h + 38s);
}

}  // namespace
}  // namespace fairlead::runtime
