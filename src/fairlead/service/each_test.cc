#include "fairlead/service/each.h"

#include <deque>
#include <numeric>

#include <gtest/gtest.h>

#include "fairlead/service/call.h"

namespace fairlead::service {
namespace {

// A call that the test ends.
class Pending final : public internal::ReplyState<int> {
 public:
  void finish(int value) {
    reply_ = value;
    end(Status());
  }
  void fail() { end(Status(Code::kInternal, "test.failed", "as told")); }
};

class EachTest : public ::testing::Test {
 protected:
  Call<int> make(int item) {
    if (ambient() != nullptr) inherited.push_back(ambient()->deadline);
    auto state = std::make_unique<Pending>();
    if (at_once) {
      state->finish(item * 2);
    } else {
      open.push_back({item, state.get()});
      most_open = std::max(most_open, open.size());
    }
    return Call<int>(std::move(state));
  }
  Task<void> run(std::vector<int> items, std::size_t width) {
    return each(
        std::move(items), width, [this](int item) { return make(item); },
        [this](std::size_t index, Result<int> reply) {
          results.emplace_back(index, reply.ok() ? *reply : -1);
        });
  }
  static Task<void> until_done(Task<void> task, bool* done) {
    co_await task;
    *done = true;
  }
  void spawn(Task<void> task) { core->run(spawn_here(this, std::move(task))); }
  static Task<void> spawn_here(EachTest* test, Task<void> task) {
    const AmbientScope here(test->served.has_value() ? &*test->served : nullptr);
    test->scope.spawn(until_done(std::move(task), &test->done));
    co_return;
  }
  void finish_one(std::size_t place) {
    auto [item, call] = open[place];
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(place));
    call->finish(item * 2);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<Ambient> served;  // under which each() is awaited
  std::vector<Deadline> inherited;
  bool at_once = false;
  bool done = false;
  std::deque<std::pair<int, Pending*>> open;
  std::size_t most_open = 0;
  std::vector<std::pair<std::size_t, int>> results;
  Scope scope;
};

TEST_F(EachTest, KeepsSoManyUnderWayAndTellsResultsAsTheyCome) {
  spawn(run({10, 20, 30, 40}, 2));
  ASSERT_EQ(open.size(), 2U);

  finish_one(1);
  ASSERT_EQ(open.size(), 2U);
  finish_one(0);
  finish_one(0);
  EXPECT_FALSE(done);
  finish_one(0);

  EXPECT_TRUE(done);
  EXPECT_EQ(most_open, 2U);
  EXPECT_EQ(results,
            (std::vector<std::pair<std::size_t, int>>{{1, 40}, {0, 20}, {2, 60}, {3, 80}}));
}

TEST_F(EachTest, AFailureIsAResultAndTheOthersGoOn) {
  spawn(run({1, 2}, 1));
  open.front().second->fail();
  open.pop_front();
  finish_one(0);

  EXPECT_TRUE(done);
  EXPECT_EQ(results, (std::vector<std::pair<std::size_t, int>>{{0, -1}, {1, 4}}));
}

TEST_F(EachTest, NothingIsDoneAtOnce) {
  spawn(run({}, 4));
  EXPECT_TRUE(done);
}

// Ten thousand frames of recursion would end the process.
TEST_F(EachTest, CallsThatEndAtOnceDoNotPileUp) {
  at_once = true;
  std::vector<int> items(10'000);
  std::iota(items.begin(), items.end(), 0);
  spawn(run(std::move(items), 3));

  EXPECT_TRUE(done);
  EXPECT_EQ(results.size(), 10'000U);
  EXPECT_EQ(results.back(), (std::pair<std::size_t, int>{9'999, 19'998}));
}

TEST_F(EachTest, CallsThatFollowInheritAsTheFirstDo) {
  const Deadline until(steady_now() + std::chrono::seconds(7));
  served = Ambient{.deadline = until};
  spawn(run({1, 2}, 1));
  finish_one(0);
  finish_one(0);

  EXPECT_TRUE(done);
  EXPECT_EQ(inherited, (std::vector<Deadline>{until, until}));
}

}  // namespace
}  // namespace fairlead::service
