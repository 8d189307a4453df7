// The order of jobs, on times that the test makes up.
#include "fairlead/runtime/pool_queue.h"

#include <memory>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"
#include "fairlead/runtime/pool_port.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<int>;

// Target 5 ms, interval 100 ms, two threads.
class PoolQueueTest : public ::testing::Test {
 protected:
  class NumberedJob final : public PoolJob {
   public:
    NumberedJob(PoolPort& port, Gate& gate, Time made, int number)
        : PoolJob(port, *gate.enter(), made), number_(number) {}
    void work() noexcept override {}
    int number() const { return number_; }

   private:
    const int number_;
  };

  // A job that was made at that time, and handed over then.
  void push(int number, Duration at) {
    jobs_.push_back(std::make_unique<NumberedJob>(port_, gate_, Time() + at, number));
    PoolJobList list;
    list.push_back(*jobs_.back());
    queue_.push(list, Time() + at, late_);
  }
  int take(Duration at) {
    PoolJob* job = queue_.take(Time() + at, late_);
    return job == nullptr ? 0 : number_of(job);
  }
  Numbers late() {
    Numbers numbers;
    for (const PoolJob* job : late_) numbers.push_back(number_of(job));
    late_.clear();
    return numbers;
  }
  // Jobs 1 to 8, the last one at 110 ms, which finds that they stand and 1 to 5 late.
  void make_it_stand() {
    for (int i = 1; i <= 6; ++i) push(i, i * 1ms);
    push(7, 50ms);
    push(8, 110ms);
  }

 private:
  static int number_of(const PoolJob* job) {
    return static_cast<const NumberedJob*>(job)->number();
  }

  observe::Registry metrics_;
  std::unique_ptr<io::Core> core_ = io::Core::make().value();
  std::unique_ptr<WorkerPool> pool_ = WorkerPool::make("db", {.threads = 1}, metrics_).value();
  PoolPort port_{*core_, *pool_};
  Gate gate_;

 protected:
  std::vector<std::unique_ptr<NumberedJob>> jobs_;
  std::vector<PoolJob*> late_;
  PoolQueue queue_{{}, 2};
};

TEST_F(PoolQueueTest, TheOldestIsNextWhileItIsShort) {
  for (int i = 1; i <= 4; ++i) push(i, i * 1ms);

  EXPECT_EQ((Numbers{take(5ms), take(9ms), take(50ms), take(99ms), take(99ms)}),
            (Numbers{1, 2, 3, 4, 0}));
  EXPECT_EQ(late(), Numbers());
}

TEST_F(PoolQueueTest, TheNewestIsNextWhileItStands) {
  make_it_stand();
  for (int i = 9; i <= 11; ++i) push(i, 111ms);

  EXPECT_EQ((Numbers{take(112ms), take(113ms), take(113ms)}), (Numbers{11, 10, 9}));
}

TEST_F(PoolQueueTest, TheLastOnesAreServedInTheirOrderAgain) {
  make_it_stand();
  for (int i = 9; i <= 11; ++i) push(i, 111ms);
  for (int i = 0; i < 3; ++i) take(112ms);

  EXPECT_EQ((Numbers{take(114ms), take(115ms)}), (Numbers{7, 8})) << "no more than threads";
}

TEST_F(PoolQueueTest, WhatHasWaitedLongerThanAnIntervalIsLateWhileItStands) {
  make_it_stand();
  EXPECT_EQ(late(), (Numbers{1, 2, 3, 4, 5})) << "two are left, as many as there are threads";

  push(9, 110ms);
  EXPECT_EQ(late(), Numbers{6});
  push(10, 150ms);
  EXPECT_EQ(late(), Numbers()) << "7 has waited for just an interval";
  push(11, 151ms);
  EXPECT_EQ(late(), Numbers{7});
}

TEST_F(PoolQueueTest, OtherBoundsCountFromTheNextLookOn) {
  queue_.update({.target = 0ms});
  make_it_stand();
  EXPECT_EQ(late(), Numbers()) << "it never stands";

  queue_.update({.target = 5ms, .interval = 20ms});
  push(9, 112ms);
  push(10, 133ms);
  EXPECT_EQ(late(), (Numbers{1, 2, 3, 4, 5, 6, 7})) << "8 and 9 are as many as there are threads";
}

TEST_F(PoolQueueTest, TakingFindsThoseThatAreLateToo) {
  make_it_stand();
  for (int i = 9; i <= 11; ++i) push(i, 111ms);
  late_.clear();

  EXPECT_EQ(take(300ms), 11);
  EXPECT_EQ(late(), (Numbers{7, 8, 9}));
}

TEST_F(PoolQueueTest, ABurstIsServedWholeHoweverLongItTakes) {
  for (int i = 1; i <= 6; ++i) push(i, 0ms);

  Numbers served;
  for (int i = 0; i < 4; ++i) served.push_back(take(i * 24ms));  // 2 are left within the interval
  served.push_back(take(10s));
  served.push_back(take(20s));

  EXPECT_EQ(served, (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(late(), Numbers());
}

TEST_F(PoolQueueTest, AsManyAsThereAreThreadsAreNeverLate) {
  push(1, 0ms);
  push(2, 0ms);

  PoolJobList nothing;
  for (Duration at = 10ms; at < 10s; at += 10ms) queue_.push(nothing, Time() + at, late_);

  EXPECT_EQ(late(), Numbers());
  EXPECT_EQ(take(10s), 1);
}

TEST_F(PoolQueueTest, WhatIsTakenOutIsNotServed) {
  for (int i = 1; i <= 3; ++i) push(i, 0ms);

  queue_.remove(*jobs_[1]);

  EXPECT_FALSE(queue_.holds(*jobs_[1]));
  EXPECT_TRUE(queue_.holds(*jobs_[2]));
  EXPECT_EQ((Numbers{take(1ms), take(1ms), take(1ms)}), (Numbers{1, 3, 0}));
}

}  // namespace
}  // namespace fairlead::runtime
