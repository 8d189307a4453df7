#include "fairlead/runtime/child_process.h"

#include <csignal>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// False also for a process that has ended and that nobody has asked about yet.
bool alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  return file.good() && stat.find(") Z ") == std::string::npos;
}

class ChildProcessTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<ChildProcess>> start(std::vector<std::string> command,
                                              std::vector<std::string> hidden = {}) {
    return ChildProcess::start(
        *core_, {.command = std::move(command), .hidden_variables = std::move(hidden)},
        {.on_line = [this](std::string_view line) { lines_.emplace_back(line); },
         .on_exit = [this](ExitStatus status) { exit_ = status; }});
  }
  std::unique_ptr<ChildProcess> shell(const std::string& script,
                                      std::vector<std::string> hidden = {}) {
    return start({"sh", "-c", script}, std::move(hidden)).value();
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 20s;
    while (!condition() && steady_now() < end) core_->turn(core_->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }
  void wait_for_exit() {
    turn_until([this] { return exit_.has_value(); });
  }

  std::unique_ptr<io::Core> core_ = io::Core::make().value();
  std::vector<std::string> lines_;
  std::optional<ExitStatus> exit_;
};

TEST_F(ChildProcessTest, TellsItsLinesAndThenItsExit) {
  const auto child = shell("echo one; echo two >&2; printf three; exit 7");

  wait_for_exit();

  EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(exit_->code, 7);
  EXPECT_FALSE(exit_->ok());
  EXPECT_EQ(exit_->to_string(), "exit code 7");
  EXPECT_FALSE(child->running());
}

TEST_F(ChildProcessTest, TellsALongLineInPieces) {
  const auto child = shell("head -c 100000 /dev/zero | tr '\\0' x");

  wait_for_exit();

  std::size_t bytes = 0;
  for (const std::string& line : lines_) {
    bytes += line.size();
    EXPECT_LE(line.size(), ChildProcess::kLineBytesMax + 4096);
  }
  EXPECT_EQ(bytes, 100000U);
}

TEST_F(ChildProcessTest, EndsAtATerm) {
  const auto child = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  turn_until([this] { return !lines_.empty(); });

  const ExitStatus status = core_->run(child->stop(core_->deadline_after(20s)));

  EXPECT_EQ(status.code, 3);
}

TEST_F(ChildProcessTest, IsKilledWithItsGroupWhenItDoesNotHeedTheTerm) {
  const auto child = shell("trap '' TERM; sleep 600 & echo $!; wait; wait");
  turn_until([this] { return !lines_.empty(); });

  const ExitStatus status = core_->run(child->stop(core_->deadline_after(50ms)));

  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_EQ(status.to_string(), "signal 9 (Killed)");
  const pid_t grandchild = std::stoi(lines_.front());
  turn_until([grandchild] { return !alive(grandchild); });
}

TEST_F(ChildProcessTest, StoppingOneThatHasEndedGivesItsStatus) {
  const auto child = shell("exit 4");
  wait_for_exit();

  EXPECT_EQ(core_->run(child->stop(Deadline())).code, 4);
}

TEST_F(ChildProcessTest, IsKilledWhenTheObjectDies) {
  auto child = shell("echo ready; exec sleep 600");
  turn_until([this] { return !lines_.empty(); });
  const pid_t pid = child->pid();

  child.reset();

  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(ChildProcessTest, HasUsualSignalsAndAGroupOfItsOwn) {
  const auto child =
      shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; echo $$");

  wait_for_exit();

  ASSERT_EQ(lines_.size(), 4U);
  EXPECT_EQ(lines_[0].substr(lines_[0].size() - 16), "0000000000000000");
  EXPECT_EQ(std::stoi(lines_[2]), std::stoi(lines_[3]));
}

TEST_F(ChildProcessTest, DoesNotGetHiddenVariables) {
  ::setenv("FL_TEST_HIDDEN_A", "1", 1);
  ::setenv("FL_TEST_SHOWN", "1", 1);
  const auto child =
      shell("echo ${FL_TEST_HIDDEN_A-none} ${FL_TEST_SHOWN-none}", {"FL_TEST_HIDDEN_"});

  wait_for_exit();

  EXPECT_EQ(lines_, (std::vector<std::string>{"none 1"}));
}

TEST_F(ChildProcessTest, SaysWhatCannotBeStarted) {
  const auto none = start({"./no-such-program"});
  EXPECT_EQ(none.status().reason(), "child.not_found");
  EXPECT_NE(none.status().message().find("./no-such-program"), std::string_view::npos);
  EXPECT_EQ(start({"no-such-program-in-path"}).status().reason(), "child.not_found");
  EXPECT_EQ(start({}).status().reason(), "child.not_found");
  EXPECT_EQ(start({"/"}).status().reason(), "child.not_started");  // a folder
}

}  // namespace
}  // namespace fairlead::runtime
