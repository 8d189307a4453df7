#include "fairlead/runtime/core_watch.h"
#include "fairlead/base/check.h"

#include <latch>

#include <gtest/gtest.h>

#include "fairlead/io/core_group.h"
#include "fairlead/observe/log.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

class Lines final : public observe::LogSink {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}
  void write(const observe::LogRecord& record) override {
    std::string line(record.event);
    for (const observe::LogField& field : record.fields) {
      if (field.name() == "seconds" || field.name() == "connections") continue;
      line.append(" ").append(field.name()).append("=");
      field.append_text(line);
    }
    lines_.push_back(std::move(line));
  }
  void flush() override {}

 private:
  std::vector<std::string>& lines_;
};

// Two cores; times are the test's own, counted from the moment at which a turn began.
class CoreWatchTest : public ::testing::Test {
 protected:
  CoreWatchTest() { FL_CHECK(group_->start().ok()); }
  ~CoreWatchTest() override {
    if (held_ != nullptr && !held_->try_wait()) held_->count_down();  // a test that failed
    group_->stop();
  }

  // A turn of core 1 that lasts until release(), in the name of a method.
  void hold() {
    held_ = std::make_unique<std::latch>(1);
    std::latch inside(1);
    io::Core* core = group_->cores()[1];
    core->post([this, core, &inside] {
      core->set_method(&method_);
      began_ = core->now();
      inside.count_down();
      held_->wait();
      core->set_method(nullptr);
    });
    inside.wait();
  }
  void release() {
    held_->count_down();
    const Time end = steady_now() + 10s;
    while (group_->cores()[1]->activity().running && steady_now() < end) std::this_thread::yield();
  }

  const std::string method_ = "/math/divide";
  std::vector<std::string> lines_;
  observe::Logger logger_{{}, std::make_unique<Lines>(lines_)};
  observe::ScopedDefaultLogger default_logger_{logger_};
  observe::Registry metrics_;
  std::unique_ptr<io::CoreGroup> group_ = io::CoreGroup::make(2).value();
  std::unique_ptr<CoreWatch> watch_ =
      CoreWatch::make(group_->cores(), {.stuck_after = 1s}, metrics_).value();
  std::unique_ptr<std::latch> held_;
  Time began_;
};

TEST_F(CoreWatchTest, NamesAStuckCoreOnceAndTellsWhenItMovesAgain) {
  hold();
  watch_->look(began_ + 999ms);
  EXPECT_TRUE(lines_.empty());

  watch_->look(began_ + 1s);
  watch_->look(began_ + 2s);
  EXPECT_EQ(lines_, std::vector<std::string>{"core.stuck core=1 method=/math/divide"});

  release();
  watch_->look(began_ + 3s);
  watch_->look(began_ + 4s);
  EXPECT_EQ(lines_.size(), 2U);
  EXPECT_EQ(lines_.back(), "core.moves core=1 method=/math/divide");
}

TEST_F(CoreWatchTest, TellsTwoTurnsThatAreStuckApart) {
  hold();
  watch_->look(began_ + 1s);
  release();
  hold();

  watch_->look(began_ + 5s);

  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_TRUE(lines_[1].starts_with("core.moves"));
  EXPECT_TRUE(lines_[2].starts_with("core.stuck"));
  release();
}

TEST_F(CoreWatchTest, ReportsEachCore) {
  hold();
  watch_->look(began_ + 3s);

  const std::vector<CoreReport> during = watch_->report(began_ + 2s);
  release();
  const std::vector<CoreReport> after = watch_->report(began_ + 9s);

  ASSERT_EQ(during.size(), 2U);
  EXPECT_FALSE(during[0].running);
  EXPECT_FALSE(during[0].stuck);
  EXPECT_TRUE(during[1].running);
  EXPECT_TRUE(during[1].stuck);
  EXPECT_EQ(during[1].number, 1U);
  EXPECT_EQ(during[1].method, method_);
  EXPECT_EQ(during[1].busy, 2s);
  EXPECT_EQ(during[1].longest_turn, 3s);
  EXPECT_EQ(during[1].stuck_count, 1U);
  EXPECT_FALSE(after[1].stuck);
  EXPECT_EQ(after[1].method, "");
  EXPECT_EQ(after[1].longest_turn, 3s);
  EXPECT_GT(after[1].turns, during[1].turns);
}

TEST_F(CoreWatchTest, CountsStuckTurnsAndKeepsTheLongest) {
  hold();
  watch_->look(began_ + 1500ms);
  release();

  const auto stuck = metrics_.counter({"fairlead_runtime_core_stuck_total", ""}, {{"core", "1"}});
  const auto longest =
      metrics_.gauge({"fairlead_runtime_turn_longest_milliseconds", ""}, {{"core", "1"}});
  EXPECT_EQ(stuck->value(), 1U);
  EXPECT_EQ(longest->value(), 1500);
}

TEST_F(CoreWatchTest, LooksByItselfOnceStarted) {
  const auto quick = CoreWatch::make(group_->cores(), {.stuck_after = 50ms}, metrics_).value();
  ASSERT_TRUE(quick->start().ok());

  hold();
  const Time end = steady_now() + 20s;
  while (quick->report(steady_now())[1].stuck_count == 0 && steady_now() < end) {
    std::this_thread::yield();
  }

  EXPECT_EQ(quick->report(steady_now())[1].stuck_count, 1U);
  release();
}

TEST_F(CoreWatchTest, TakesAnotherTimeWhileItLooks) {
  const auto watch = CoreWatch::make(group_->cores(), {.stuck_after = 0s}, metrics_).value();
  ASSERT_TRUE(watch->start().ok());
  hold();
  watch->look(began_ + 1h);
  EXPECT_FALSE(watch->report(began_ + 1h)[1].stuck) << "nobody is to look";

  ASSERT_TRUE(watch->update({.stuck_after = 10ms}).ok());
  const Time end = steady_now() + 20s;
  while (watch->report(steady_now())[1].stuck_count == 0 && steady_now() < end) {
    std::this_thread::yield();
  }

  EXPECT_EQ(watch->report(steady_now())[1].stuck_count, 1U);
  EXPECT_EQ(watch->update({.stuck_after = 9ms}).reason(), "watch.bad_option");
  release();
}

TEST_F(CoreWatchTest, RefusesTimesThatMeanNothing) {
  const auto make = [&](Duration time) {
    return CoreWatch::make(group_->cores(), {.stuck_after = time}, metrics_).status().reason() ==
           "watch.bad_option";
  };
  EXPECT_FALSE(make(0ms)) << "nobody looks";
  EXPECT_TRUE(make(1ns));
  EXPECT_TRUE(make(9ms));
  EXPECT_FALSE(make(10ms));
  EXPECT_FALSE(make(1h));
  EXPECT_TRUE(make(1h + 1ns));
}

}  // namespace
}  // namespace fairlead::runtime
