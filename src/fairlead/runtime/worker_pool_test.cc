#include "fairlead/runtime/worker_pool.h"

#include <pthread.h>

#include <latch>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/io/core_group.h"
#include "fairlead/runtime/pool_port.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// One core, turned by the test's own thread, and a pool of one thread unless told otherwise.
class WorkerPoolTest : public ::testing::Test {
 protected:
  explicit WorkerPoolTest(WorkerPoolOptions options = {.threads = 1,
                                                       .waiting_jobs_max = 100,
                                                       .queue_target = 0ms})
      : pool_(WorkerPool::make("db", options, metrics_, bounds_.get()).value()) {}
  ~WorkerPoolTest() override {
    if (!go_on_.try_wait()) go_on_.count_down();  // a test that failed holds the thread still
    Status closed = core_->run(port_.close(Deadline()));
    EXPECT_TRUE(closed.ok()) << closed;
  }

  // Runs a job beside others; its reply is told to `out`.
  template <class Function, class Reply>
  void start(Function function, std::vector<Reply>* out, Deadline deadline = {},
             CancelToken cancel = {}) {
    const auto body = [](PoolPort* port, Function job, std::vector<Reply>* replies, Deadline until,
                         CancelToken token) -> Task<void> {
      auto running = port->run(std::move(job), until, std::move(token));
      Reply reply = co_await running;
      replies->push_back(std::move(reply));
    };
    core_->spawn(body(&port_, std::move(function), out, deadline, std::move(cancel)));
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 20s;
    while (!condition() && steady_now() < end) core_->turn(core_->deadline_after(10ms));
    ASSERT_TRUE(condition());
  }
  static void wait_for(const std::atomic<int>& count, int wanted) {
    const Time end = steady_now() + 20s;
    while (count != wanted && steady_now() < end) std::this_thread::yield();
    ASSERT_EQ(count, wanted);
  }
  // Keeps the one thread busy until release().
  void occupy() {
    start(
        [this] {
          busy_.count_down();
          go_on_.wait();
        },
        &occupied_);
    turn_until([&] { return busy_.try_wait(); });
  }
  void release() {
    go_on_.count_down();
    turn_until([&] { return occupied_.size() == 1; });
  }
  std::uint64_t count(std::string_view what) {
    const std::string name = "fairlead_runtime_pool_" + std::string(what) + "_total";
    return metrics_.counter({name, ""}, {{"pool", "db"}})->value();
  }
  std::int64_t level(std::string_view what) {
    const std::string name = "fairlead_runtime_pool_" + std::string(what) + "_jobs";
    return metrics_.gauge({name, ""}, {{"pool", "db"}})->value();
  }

  observe::Registry metrics_;
  std::unique_ptr<observe::Bounds> bounds_ = observe::Bounds::make(metrics_).value();
  std::unique_ptr<io::Core> core_ = io::Core::make().value();
  std::unique_ptr<WorkerPool> pool_;
  PoolPort port_{*core_, *pool_};
  std::latch busy_{1};
  std::latch go_on_{1};
  std::vector<Status> occupied_;
};

TEST_F(WorkerPoolTest, RunsAJobElsewhereAndGivesItsValueBack) {
  const auto job = [] {
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    return std::string(name);
  };
  const Result<std::string> name = core_->run(port_.run(job));

  EXPECT_EQ(name.value_or("no value"), "fl-db-0");
}

TEST_F(WorkerPoolTest, GivesStatusAndResultAsTheyAre) {
  const auto result = [] { return Result<int>(Status(Code::kNotFound, "row.none", "no row")); };
  const auto status = [] { return Status(Code::kConflict, "row.taken", "taken"); };
  const auto nothing = [] {};

  EXPECT_EQ(core_->run(port_.run(result)).status().reason(), "row.none");
  EXPECT_EQ(core_->run(port_.run(status)).reason(), "row.taken");
  EXPECT_TRUE(core_->run(port_.run(nothing)).ok());
}

TEST_F(WorkerPoolTest, TurnsWhatAJobThrowsIntoAStatus) {
  const auto job = []() -> int { throw std::runtime_error("no such table"); };
  const Status threw = core_->run(port_.run(job)).status();

  EXPECT_EQ(threw.code(), Code::kInternal);
  EXPECT_EQ(threw.reason(), "handler.threw");
  ASSERT_NE(threw.cause(), nullptr);
  EXPECT_EQ(*threw.cause(), "no such table");
  EXPECT_EQ(core_->run(port_.run([]() { throw 7; })).reason(), "handler.threw");
}

TEST_F(WorkerPoolTest, IsWokenOnceForAllJobsOfATurn) {
  constexpr std::size_t kTurns = 100;
  constexpr std::size_t kJobs = 50;
  for (std::size_t turn = 0; turn < kTurns; ++turn) {
    std::vector<Result<std::size_t>> replies;
    core_->post([&] {
      for (std::size_t i = 0; i < kJobs; ++i) start([i] { return i; }, &replies);
    });
    turn_until([&] { return replies.size() == kJobs; });
    for (std::size_t i = 0; i < kJobs; ++i) EXPECT_EQ(replies[i].value(), i);
  }

  EXPECT_EQ(count("jobs"), kTurns * kJobs);
  EXPECT_LE(count("wakeups"), kTurns);  // less when the thread had not begun to wait
  EXPECT_GE(count("wakeups"), 1U);
}

TEST_F(WorkerPoolTest, BringsAllEndsThatTheCoreHasNotSeenBackInOneTurn) {
  std::vector<Status> replies;
  for (int i = 0; i < 50; ++i) start([] {}, &replies);
  core_->turn(Deadline(core_->now()));
  auto other_core = io::Core::make().value();
  PoolPort other_port(*other_core, *pool_);
  const Status last = other_core->run(other_port.run([] {}));  // one thread: all others are back
  EXPECT_TRUE(last.ok());

  core_->turn(Deadline(core_->now()));

  EXPECT_EQ(replies.size(), 50U);
}

TEST_F(WorkerPoolTest, RefusesTheJobBeyondTheLimit) {
  occupy();
  std::vector<Status> replies;
  for (int i = 0; i < 100; ++i) start([] {}, &replies);
  EXPECT_TRUE(replies.empty());

  start([] {}, &replies);

  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].code(), Code::kLocalLimit);
  EXPECT_EQ(replies[0].reason(), "pool.full");
  EXPECT_EQ(count("refused"), 1U);
  EXPECT_EQ(bounds_->hits(observe::Bound::kPool), 1U);
  EXPECT_EQ(level("waiting"), 100);
  release();
  turn_until([&] { return replies.size() == 101; });
  EXPECT_EQ(level("waiting"), 0);
}

TEST_F(WorkerPoolTest, TakesOtherLimitsWhileItWorks) {
  occupy();
  std::vector<Status> replies;
  for (int i = 0; i < 100; ++i) start([] {}, &replies);

  pool_->update({.waiting_jobs_max = 101, .queue_target = 0ms});
  start([] {}, &replies);
  EXPECT_TRUE(replies.empty()) << "one more may wait";
  pool_->update({.waiting_jobs_max = 5, .queue_target = 0ms});
  start([] {}, &replies);

  ASSERT_EQ(replies.size(), 1U) << "and those who are there go on waiting";
  EXPECT_EQ(replies[0].reason(), "pool.full");
  EXPECT_NE(replies[0].message().find("5 jobs wait"), std::string_view::npos) << replies[0];
  release();
  turn_until([&] { return replies.size() == 102; });
  EXPECT_EQ(count("jobs"), 102U);
}

TEST_F(WorkerPoolTest, DropsAJobWhoseDeadlinePassesWhileItWaits) {
  occupy();
  std::vector<Status> replies;
  bool ran = false;

  start([&] { ran = true; }, &replies, core_->deadline_after(20ms));
  turn_until([&] { return !replies.empty(); });

  EXPECT_EQ(replies[0].reason(), "wait.deadline");
  EXPECT_EQ(count("dropped"), 1U);
  release();
  EXPECT_TRUE(core_->run(port_.run([] {})).ok());
  EXPECT_FALSE(ran);
}

TEST_F(WorkerPoolTest, DropsAJobThatIsCancelledBeforeAndAfterItWasHandedOver) {
  occupy();
  std::vector<Status> replies;
  CancelSource early;
  CancelSource late;
  CancelSource before;
  before.cancel();

  start([] { ADD_FAILURE(); }, &replies, {}, before.token());
  start([] { ADD_FAILURE(); }, &replies, {}, late.token());
  core_->turn(Deadline(core_->now()));
  start([] { ADD_FAILURE(); }, &replies, {}, early.token());
  early.cancel();
  late.cancel();

  ASSERT_EQ(replies.size(), 3U);
  for (const Status& reply : replies) EXPECT_EQ(reply.reason(), "wait.cancelled");
  EXPECT_EQ(count("dropped"), 3U);
  release();
}

TEST_F(WorkerPoolTest, WaitsForAJobThatRunsThoughItsDeadlinePasses) {
  std::vector<Result<int>> replies;
  CancelSource cancel;
  const Deadline deadline = core_->deadline_after(1s);  // far enough for the thread to take it
  start(
      [this] {
        busy_.count_down();
        go_on_.wait();
        return 7;
      },
      &replies, deadline, cancel.token());
  turn_until([&] { return busy_.try_wait(); });

  cancel.cancel();
  turn_until([&] { return deadline.passed(core_->now()); });
  core_->turn(core_->deadline_after(5ms));
  EXPECT_TRUE(replies.empty());

  go_on_.count_down();
  turn_until([&] { return !replies.empty(); });
  EXPECT_EQ(replies[0].value_or(0), 7);
}

TEST_F(WorkerPoolTest, OutlivesTasksThatAreDestroyedWhileTheirJobsWaitOrRun) {
  const auto witness = std::make_shared<int>(0);
  const auto start_and_leave = [](Task<Status> task, Event* end, TimerWheel* timers) -> Task<void> {
    Scope inner;
    const auto body = [](Task<Status> job) -> Task<void> { (void)co_await job; };
    Task<void> waiting = body(std::move(task));
    // Awaited only as far as its first wait: the handle is destroyed with this frame.
    auto awaiter = std::move(waiting).operator co_await();
    awaiter.await_suspend(std::noop_coroutine()).resume();
    (void)co_await end->wait(*timers, Deadline());
  };
  Event end;
  auto running = port_.run([this, witness] {
    busy_.count_down();
    go_on_.wait();
  });
  core_->spawn(start_and_leave(std::move(running), &end, &core_->timers()));
  turn_until([&] { return busy_.try_wait(); });
  auto waiting = port_.run([witness] { ADD_FAILURE(); });
  core_->spawn(start_and_leave(std::move(waiting), &end, &core_->timers()));
  core_->turn(Deadline(core_->now()));

  end.set();
  EXPECT_EQ(count("dropped"), 1U);
  EXPECT_EQ(witness.use_count(), 2);  // the one that runs keeps what it captured
  go_on_.count_down();
  turn_until([&] { return witness.use_count() == 1; });
}

TEST_F(WorkerPoolTest, EndsWaitingJobsAtTheDeadlineOfItsCloseAndAwaitsTheRunningOne) {
  occupy();
  std::vector<Status> replies;
  start([] { ADD_FAILURE(); }, &replies);
  core_->turn(Deadline(core_->now()));
  start([] { ADD_FAILURE(); }, &replies);
  Status closed;
  bool done = false;
  const auto close = [](PoolPort* port, Deadline until, Status* status, bool* over) -> Task<void> {
    Status ended = co_await port->close(until);
    *status = std::move(ended);
    *over = true;
  };

  core_->spawn(close(&port_, core_->deadline_after(20ms), &closed, &done));
  turn_until([&] { return replies.size() == 2; });

  EXPECT_EQ(replies[0].reason(), "pool.closed");
  EXPECT_EQ(replies[1].reason(), "pool.closed");
  EXPECT_FALSE(done);
  EXPECT_EQ(core_->run(port_.run([] {})).reason(), "pool.closed");
  release();
  turn_until([&] { return done; });
  EXPECT_EQ(closed.reason(), "wait.deadline");
}

// The queue of its one thread stands as soon as two jobs wait and some time passes.
class StandingPoolTest : public WorkerPoolTest {
 protected:
  StandingPoolTest() : WorkerPoolTest({.threads = 1, .queue_target = 1us, .queue_interval = 1us}) {}
  ~StandingPoolTest() override {
    release();
    turn_until_done();
    EXPECT_TRUE(other_core_->run(other_port_.close(Deadline())).ok());
    EXPECT_EQ(level("waiting"), 0);
  }

  // Three jobs of another core, one after the other: the last one finds that the queue stands, and
  // that all but the second are late. The first core does not turn meanwhile.
  void overtake() {
    const auto body = [](PoolPort* port, std::vector<Status>* replies) -> Task<void> {
      auto running = port->run([] {});
      Status reply = co_await running;
      replies->push_back(std::move(reply));
    };
    for (int i = 0; i < 3; ++i) {
      other_core_->spawn(body(&other_port_, &others_));
      const Deadline moment = other_core_->deadline_after(1ms);
      while (!moment.passed(other_core_->now())) other_core_->turn(moment);
    }
  }
  void turn_until_done() {
    const Time end = steady_now() + 20s;
    while (others_.size() < 3 && steady_now() < end) {
      other_core_->turn(other_core_->deadline_after(10ms));
    }
    EXPECT_EQ(others_.size(), 3U);
  }

  std::unique_ptr<io::Core> other_core_ = io::Core::make().value();
  PoolPort other_port_{*other_core_, *pool_};
  std::vector<Status> others_;
};

TEST_F(StandingPoolTest, EndsTheOldestAndServesTheNewest) {
  occupy();
  std::vector<Status> oldest;
  start([] { ADD_FAILURE(); }, &oldest);
  core_->turn(Deadline(core_->now()));

  overtake();
  turn_until([&] { return oldest.size() == 1; });

  EXPECT_EQ(oldest[0].code(), Code::kLocalLimit);
  EXPECT_EQ(oldest[0].reason(), "pool.overloaded");
  EXPECT_EQ(count("late"), 2U);
  EXPECT_EQ(count("dropped"), 2U);
  EXPECT_EQ(bounds_->hits(observe::Bound::kPoolWait), 2U);
  EXPECT_EQ(level("waiting"), 2);
}

TEST_F(StandingPoolTest, SaysThatTheDeadlineHasPassedWhereItHas) {
  occupy();
  std::vector<Status> oldest;
  start([] { ADD_FAILURE(); }, &oldest, core_->deadline_after(1ms));
  core_->turn(Deadline(core_->now()));

  overtake();
  turn_until([&] { return oldest.size() == 1; });

  EXPECT_EQ(count("late"), 2U);
  EXPECT_EQ(oldest[0].reason(), "wait.deadline");
}

TEST_F(StandingPoolTest, DropsALateJobForWhichNobodyWaitsAnyMore) {
  occupy();
  const auto witness = std::make_shared<int>(0);
  {
    auto job = port_.run([witness] { ADD_FAILURE(); });
    auto awaiter = std::move(job).operator co_await();
    awaiter.await_suspend(std::noop_coroutine()).resume();
    core_->turn(Deadline(core_->now()));
    overtake();
  }
  EXPECT_EQ(witness.use_count(), 2) << "it is on its way back";

  core_->turn(Deadline(core_->now()));
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(WorkerPool, RefusesNamesAndNumbersOutOfRange) {
  observe::Registry metrics;
  const auto reason = [&](std::string_view name, WorkerPoolOptions options) {
    return std::string(WorkerPool::make(name, options, metrics).status().reason());
  };
  EXPECT_EQ(reason("", {}), "pool.bad_name");
  EXPECT_EQ(reason("Db", {}), "pool.bad_name");
  EXPECT_EQ(reason(std::string(33, 'a'), {}), "pool.bad_name");
  EXPECT_EQ(reason(std::string(32, 'a'), {.threads = 1}), "");
  EXPECT_EQ(reason("db", {.threads = 0}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.threads = 257}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.waiting_jobs_max = 1'000'001}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.queue_target = -1ns}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.queue_target = 1h + 1ns}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.queue_interval = 0ns}), "pool.bad_option");
  EXPECT_EQ(reason("db", {.queue_interval = 1h + 1ns}), "pool.bad_option");
}

// Two cores that start this many jobs each at the same time, on three threads.
struct Crowd {
  static constexpr int kJobs = 2000;

  explicit Crowd(WorkerPoolOptions options) : options_(options) {}
  void run();

  std::atomic<int> worked{0};
  std::atomic<int> ended{0};
  std::atomic<int> late{0};

 private:
  static Task<void> one(PoolPort* way, Crowd* crowd) {
    auto job = [crowd] { ++crowd->worked; };
    auto running = way->run(job);
    Status status = co_await running;
    ++crowd->ended;
    if (status.ok()) co_return;
    EXPECT_EQ(status.reason(), "pool.overloaded");
    ++crowd->late;
  }
  static Task<void> all(PoolPort* way, Crowd* crowd, std::latch* over) {
    Scope scope;
    for (int i = 0; i < kJobs; ++i) scope.spawn(one(way, crowd));
    Status idle = co_await scope.close(way->core().timers(), Deadline());
    EXPECT_TRUE(idle.ok());
    Status closed = co_await way->close(Deadline());
    EXPECT_TRUE(closed.ok());
    over->count_down();
  }

  const WorkerPoolOptions options_;
};

void Crowd::run() {
  observe::Registry metrics;
  auto group = io::CoreGroup::make(2).value();
  ASSERT_TRUE(group->start().ok());
  auto pool = WorkerPool::make("many", options_, metrics).value();
  std::vector<std::unique_ptr<PoolPort>> ports;
  std::latch closed(2);
  for (io::Core* core : group->cores()) {
    ports.push_back(std::make_unique<PoolPort>(*core, *pool));
    core->post(
        [core, this, way = ports.back().get(), &closed] { core->spawn(all(way, this, &closed)); });
  }

  closed.wait();
  group->stop();
}

// The thread sanitizer looks at these two.
TEST(WorkerPool, LosesNothingBetweenManyCoresAndThreads) {
  Crowd crowd({.threads = 3, .waiting_jobs_max = 2 * Crowd::kJobs, .queue_target = 0ms});
  crowd.run();
  EXPECT_EQ(crowd.worked, 2 * Crowd::kJobs);
}

TEST(WorkerPool, EndsEachJobOnceThoughItsQueueStands) {
  Crowd crowd({.threads = 3,
               .waiting_jobs_max = 2 * Crowd::kJobs,
               .queue_target = 1ns,
               .queue_interval = 1ns});
  crowd.run();
  EXPECT_EQ(crowd.ended, 2 * Crowd::kJobs);
  EXPECT_EQ(crowd.worked + crowd.late, 2 * Crowd::kJobs);
}

}  // namespace
}  // namespace fairlead::runtime
