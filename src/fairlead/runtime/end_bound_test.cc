#include "fairlead/runtime/end_bound.h"

#include <unistd.h>

#include <atomic>

#include <gtest/gtest.h>

#include "fairlead/observe/async_log_sink.h"
#include "fairlead/observe/log.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// With a log on standard error, as programs have one.
class EndBoundTest : public ::testing::Test {
 protected:
  EndBoundTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  observe::Logger logger{{}, observe::AsyncLogSink::make({}).value()};
  observe::ScopedDefaultLogger as_default{logger};
};

TEST_F(EndBoundTest, EndsTheProcessAndSaysWhatRuns) {
  EXPECT_EXIT(
      {
        const EndBound bound(10ms, "math", [] { return Unended{"pool db (1 jobs)", 3}; });
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*math.*pool db \\(1 jobs\\).*calls_cut=3");
}

TEST_F(EndBoundTest, WaitsForNothingThatHangsWhileItTells) {
  EXPECT_EXIT(
      {
        const EndBound bound(10ms, "math", []() -> Unended {
          while (true) ::pause();
        });
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "");
}

TEST_F(EndBoundTest, LooksAtNothingThatGoesAway) {
  EXPECT_EXIT(
      {
        EndBound bound(1s, "math", [] { return Unended{"what is gone", 0}; });
        bound.stop_looking();
        while (true) ::pause();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*runs=\"?\"? ");
}

TEST_F(EndBoundTest, LetsNothingGoAwayWhileItLooks) {
  EXPECT_EXIT(
      {
        std::atomic<bool> looks{false};
        EndBound bound(10ms, "math", [&looks] {
          looks = true;
          looks.notify_all();
          return Unended{"all", 0};
        });
        looks.wait(false);
        bound.stop_looking();
        _exit(7);
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*all");
}

TEST_F(EndBoundTest, LetsAProcessEndThatDoesSoInTime) {
  bool looked = false;
  {
    EndBound bound(1h, "math", [&looked] {
      looked = true;
      return Unended();
    });
    bound.stop_looking();
  }
  EXPECT_FALSE(looked);
}

TEST_F(EndBoundTest, IsAMinuteAtLeastWhereAnotherProcessHasTakenOver) {
  EXPECT_EQ(EndBound::of(2s, 20s, false), 30s);
  EXPECT_EQ(EndBound::of(2s, 20s, true), 60s);
  EXPECT_EQ(EndBound::of(2s, 1h, true), 1h + 38s);
}

}  // namespace
}  // namespace fairlead::runtime
