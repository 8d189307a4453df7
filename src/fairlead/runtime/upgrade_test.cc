#include "fairlead/runtime/upgrade.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// New programs are shell and Python scripts. Nothing here stops the listener: that is the caller's.
class UpgradeTest : public ::testing::Test {
 protected:
  ~UpgradeTest() override {
    upgrade_.reset();
    core_->post([this] { listener_.reset(); });
    core_->turn(Deadline(core_->now()));
  }
  Status start(std::vector<std::string> words, Duration ready_timeout = 30s) {
    Upgrade::Options options{.ready_timeout = ready_timeout, .settle_patience = settle_patience_};
    options.start.program = words.front();
    options.start.arguments = std::move(words);
    auto made = Upgrade::start(
        *core_, options, sockets_.all(),
        [this](Result<pid_t> successor) { over_.emplace(successor); }, [this] { ++settled_; });
    if (!made.ok()) return made.status();
    upgrade_ = std::move(made).value();
    return {};
  }
  Status outcome() {
    const Time end = steady_now() + 30s;
    while (!over_.has_value() && steady_now() < end) core_->turn(core_->deadline_after(1s));
    if (!over_.has_value()) return Status(Code::kInternal, "test.never_over", "never over");
    return over_->status();
  }
  // Turns the core so long; true: it settled.
  bool settles_within(Duration time) {
    const Time end = steady_now() + time;
    while (settled_ == 0 && steady_now() < end) core_->turn(Deadline(end));
    return settled_ > 0;
  }
  bool runs() const { return ::kill(upgrade_->pid(), 0) == 0; }

  io::ListeningSockets sockets_;
  std::unique_ptr<io::Core> core_ = io::Core::make({.sockets = &sockets_}).value();
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<Upgrade> upgrade_;
  std::optional<Result<pid_t>> over_;
  Duration settle_patience_ = 1h;  // it is not what settles it, but where a test is about it
  int settled_ = 0;
};

// As a new program does, with an answer over the socket that it got.
constexpr const char* kSuccessor = R"(
import os, select, socket
control = socket.socket(fileno=int(os.environ["FL_UPGRADE_SOCKET"]))
text, fds, _, _ = socket.recv_fds(control, 65536, 253)
assert text.decode().split("\n")[1:] == ["generation 2", "socket 127.0.0.1:0"], text
control.send(b"ready")
assert control.recv(100) == b"go"
select.select(fds, [], [], 60)  # it does not block: that is shared with the old one
connection, _ = socket.socket(fileno=fds[0]).accept()
connection.send(b"from the new one")
)";

TEST_F(UpgradeTest, IsOverWhenTheNewProgramServes) {
  listener_ = core_
                  ->listen(io::Address::loopback(0), {},
                           [](io::Core&, const auto&) { ADD_FAILURE() << "the old one has left"; })
                  .value();
  ASSERT_TRUE(start({"/usr/bin/python3", "-c", kSuccessor}).ok());

  ASSERT_TRUE(outcome().ok()) << outcome();
  EXPECT_EQ(over_->value(), upgrade_->pid());
  core_->post([this] { sockets_.leave(); });
  core_->turn(Deadline(core_->now()));
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const io::Address address = listener_->local();
  ASSERT_EQ(::connect(client, address.get(), address.length()), 0);
  char text[64];
  const ssize_t count = ::recv(client, text, sizeof(text), MSG_WAITALL);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(std::max<ssize_t>(count, 0))),
            "from the new one");
  ::close(client);
  ::waitpid(upgrade_->pid(), nullptr, 0);
}

// What a new program does once it has been given way; `rest` follows.
std::vector<std::string> that_takes_over_and(const std::string& rest) {
  return {"/usr/bin/python3", "-c", R"(
import os, signal, socket
control = socket.socket(fileno=int(os.environ["FL_UPGRADE_SOCKET"]))
socket.recv_fds(control, 65536, 253)
control.send(b"ready")
assert control.recv(100) == b"go"
)" + rest};
}

TEST_F(UpgradeTest, IsSettledWhenTheNewProgramHasClosedItsEnd) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  ASSERT_TRUE(start(that_takes_over_and("os.read(" + std::to_string(told[0]) +
                                        ", 1)\ncontrol.close()\nsignal.pause()\n"))
                  .ok());
  ASSERT_TRUE(outcome().ok()) << outcome();
  core_->turn(Deadline(core_->now()));
  EXPECT_EQ(settled_, 0);

  (void)!::write(told[1], "x", 1);

  EXPECT_TRUE(settles_within(30s));
  ::kill(upgrade_->pid(), SIGKILL);
  ::waitpid(upgrade_->pid(), nullptr, 0);
  for (const int end : told) ::close(end);
}

TEST_F(UpgradeTest, IsSettledThoughTheNewProgramSaysNothing) {
  settle_patience_ = 10ms;
  ASSERT_TRUE(start(that_takes_over_and("signal.pause()\n")).ok());
  ASSERT_TRUE(outcome().ok()) << outcome();

  EXPECT_TRUE(settles_within(30s));
  EXPECT_TRUE(runs());
  ::kill(upgrade_->pid(), SIGKILL);
  core_->turn(core_->deadline_after(10ms));
  EXPECT_EQ(settled_, 1);
  ::waitpid(upgrade_->pid(), nullptr, 0);
}

// It has given up; it must not be given way, though what it said waits to be read.
TEST_F(UpgradeTest, GoesOnWhenTheNewProgramHearsNothingAnyMore) {
  ASSERT_TRUE(start({"/usr/bin/python3", "-c", R"(
import os, socket
control = socket.socket(fileno=int(os.environ["FL_UPGRADE_SOCKET"]))
control.shutdown(socket.SHUT_RD)
control.send(b"ready")
)"})
                  .ok());

  EXPECT_EQ(outcome().reason(), "upgrade.ended");
  EXPECT_EQ(settled_, 0);
}

TEST_F(UpgradeTest, GoesOnWhenTheNewProgramEnds) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "exit 3"}).ok());

  const Status why = outcome();

  EXPECT_EQ(why.reason(), "upgrade.ended");
  EXPECT_NE(why.message().find("exit code 3"), std::string::npos) << why;
}

TEST_F(UpgradeTest, GoesOnWhenTheNewProgramCannotBeStarted) {
  const auto file =
      std::filesystem::temp_directory_path() / ("fl_no_right_" + std::to_string(getpid()));
  std::filesystem::copy_file("/bin/sh", file);
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);

  EXPECT_EQ(start({file.string()}).reason(), "upgrade.not_started");
  EXPECT_EQ(start({"/no/such/program"}).reason(), "upgrade.not_started");

  std::filesystem::remove(file);
}

TEST_F(UpgradeTest, EndsANewProgramThatHangs) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "exec sleep 60"}, 20ms).ok());

  EXPECT_EQ(outcome().reason(), "upgrade.not_ready");
  EXPECT_FALSE(runs());
}

TEST_F(UpgradeTest, EndsANewProgramThatHeedsNoTerm) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "trap '' TERM; echo; exec sleep 60"}, 200ms).ok());

  EXPECT_EQ(outcome().reason(), "upgrade.not_ready");
  EXPECT_FALSE(runs());
}

TEST_F(UpgradeTest, CanBeCalledOff) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "exec sleep 60"}).ok());

  upgrade_->call_off();
  upgrade_->call_off();

  EXPECT_EQ(outcome().reason(), "upgrade.called_off");
  EXPECT_FALSE(runs());
}

TEST_F(UpgradeTest, GivesTheNewProgramSignalsAsUsual) {
  block_signals({SIGUSR2});
  ASSERT_TRUE(start({"/bin/sh", "-c", "kill -TERM $$; sleep 60"}).ok());

  EXPECT_NE(outcome().message().find("signal 15"), std::string::npos) << outcome();
}

TEST(ProgramStart, SaysHowThisProcessWasStarted) {
  const Result<ProgramStart> start = ProgramStart::of_this_process();

  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_TRUE(start->program.ends_with("/runtime_test")) << start->program;
  EXPECT_TRUE(start->program.starts_with("/"));
  EXPECT_EQ(start->arguments, ::testing::internal::GetArgvs());
}

}  // namespace
}  // namespace fairlead::runtime
