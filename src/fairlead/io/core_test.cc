#include "fairlead/io/core.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/core_group.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

Task<int> sleep_then(Core* core, Duration duration, int value) {
  Status slept = co_await Sleep(core->timers(), core->deadline_after(duration));
  co_return slept.ok() ? value : -1;
}

TEST(Core, RunsATaskToItsEnd) {
  auto core = Core::make().value();
  const Time before = steady_now();
  EXPECT_EQ(core->run(sleep_then(core.get(), 20ms, 7)), 7);
  EXPECT_GE(steady_now() - before, 20ms);
}

TEST(Core, RunsLettersOfOtherThreads) {
  auto core = Core::make().value();
  int received = 0;
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) {
      core->post([&] {
        core->assert_here();
        if (++received == 100) core->stop();
      });
    }
  });
  core->run();
  sender.join();
  EXPECT_EQ(received, 100);
  EXPECT_EQ(Core::current(), nullptr);
}

TEST(Core, TellsWhenADescriptorBecameReadable) {
  auto core = Core::make().value();
  const int fd = eventfd(0, EFD_NONBLOCK);
  int ready = 0;
  {
    auto watch = core->watch_readable(fd, [&] {
      ++ready;
      core->stop();
    });
    ASSERT_TRUE(watch.ok());
    const std::uint64_t one = 1;
    ASSERT_EQ(write(fd, &one, sizeof(one)), 8);
    core->run();
  }
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(core->watch_readable(-1, [] {}).status().reason(), "watch.failed");
  close(fd);
}

TEST(Core, DestroysDisposedObjectsWhenTheTurnEnds) {
  struct Witness final : Disposable {
    explicit Witness(bool& flag) : gone(flag) {}
    ~Witness() override { gone = true; }
    bool& gone;
  };
  auto core = Core::make().value();
  bool gone = false;
  bool gone_inside = true;
  core->post([&] {
    core->dispose(std::make_unique<Witness>(gone));
    gone_inside = gone;
  });
  core->turn(Deadline());
  EXPECT_FALSE(gone_inside);
  EXPECT_TRUE(gone);
}

TEST(Core, CancelsItsTasksWhenItDies) {
  const auto body = [](Core* core, bool* cancelled) -> Task<void> {
    Status slept = co_await Sleep(core->timers(), Deadline(), core->scope().token());
    *cancelled = slept.reason() == "wait.cancelled";
  };
  bool cancelled = false;
  auto core = Core::make().value();
  core->spawn(body(core.get(), &cancelled));
  core.reset();
  EXPECT_TRUE(cancelled);
}

TEST(Core, ShowsOtherThreadsWhatItIsDoing) {
  auto core = Core::make().value();
  EXPECT_FALSE(core->activity().running);
  const std::string method = "/math/divide";
  std::latch inside(1);
  std::latch go_on(1);
  core->post([&] {
    core->set_method(&method);
    inside.count_down();
    go_on.wait();
    core->set_method(nullptr);
  });
  std::thread runs([&] { core->turn(Deadline()); });
  inside.wait();

  const CoreActivity during = core->activity();
  go_on.count_down();
  runs.join();
  const CoreActivity after = core->activity();

  EXPECT_TRUE(during.running);
  EXPECT_EQ(during.method, &method);
  EXPECT_EQ(during.turns, 0U);
  EXPECT_EQ(during.busy(during.turn_began + 3s), 3s);
  EXPECT_FALSE(after.running);
  EXPECT_EQ(after.method, nullptr);
  EXPECT_EQ(after.turns, 1U);
  EXPECT_EQ(after.busy(steady_now()), Duration::zero());
}

TEST(Core, IsInItsOuterTurnWhenOneInsideHasEnded) {
  auto core = Core::make().value();
  bool running = false;
  core->post([&] {
    core->turn(Deadline(core->now()));
    running = core->activity().running;
  });
  core->turn(Deadline());
  EXPECT_TRUE(running);
}

TEST(CoreGroup, NamesItsThreads) {
  auto group = CoreGroup::make(2).value();
  ASSERT_TRUE(group->start().ok());
  std::latch told(2);
  std::array<char[16], 2> names{};
  for (std::size_t i = 0; i < 2; ++i) {
    group->cores()[i]->post([&told, name = names[i]] {
      pthread_getname_np(pthread_self(), name, 16);
      told.count_down();
    });
  }
  told.wait();
  EXPECT_STREQ(names[0], "fl-core-0");
  EXPECT_STREQ(names[1], "fl-core-1");
}

TEST(CoreGroup, RunsItsCoresOnThreadsOfTheirOwn) {
  auto group = CoreGroup::make(3).value();
  ASSERT_TRUE(group->start().ok());
  std::latch ran(3);
  for (Core* core : group->cores()) {
    core->post([&ran, core] {
      core->assert_here();
      ran.count_down();
    });
  }
  ran.wait();
  group->stop();
  EXPECT_EQ(Core::current(), nullptr);
  EXPECT_EQ(CoreGroup::make(257).status().reason(), "cores.out_of_range");
}

// A loop that looks before it sleeps must miss nothing: letters, timers, and stop().
TEST(Core, LosesNothingWhileItLooksBeforeItSleeps) {
  auto core = Core::make({.spin = 50us}).value();
  int letters = 0;
  int sleeps = 0;
  std::thread poster([&core, &letters] {
    for (int i = 0; i < 2000; ++i) {
      core->post([&letters] { ++letters; });
      if (i % 16 == 0) std::this_thread::yield();
    }
  });
  const auto sleep_often = [](Core* on, int* count) -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      Status slept = co_await Sleep(on->timers(), on->deadline_after(1ms));
      if (slept.ok()) ++*count;
    }
  };

  core->run(sleep_often(core.get(), &sleeps));
  poster.join();
  core->turn(core->deadline_after(1ms));

  EXPECT_EQ(sleeps, 20);
  EXPECT_EQ(letters, 2000);
}

}  // namespace
}  // namespace fairlead::io
