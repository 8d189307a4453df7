#include "fairlead/runtime/succession.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"
#include "fairlead/runtime/hand_over.h"
#include "fairlead/runtime/upgrade_request.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// Who waits for the answer to its signal, as `fairlead upgrade` does.
class Asker {
 public:
  explicit Asker(pid_t pid) {
    const std::string name = "fairlead-upgrade-" + std::to_string(pid);
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    std::memcpy(place.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&place), length), 0);
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;
  ~Asker() { ::close(socket_); }

  // The next answer; empty: there is none.
  std::string told() const {
    std::array<char, 4096> text{};
    const ssize_t count = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }

 private:
  const int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

// A process that can be upgraded to a shell or Python script, which is given when it is made.
struct Old {
  explicit Old(std::vector<std::string> words)
      : succession(ProgramStart{.program = words.front(), .arguments = words}),
        core(io::Core::make({.sockets = &succession.sockets()}).value()) {
    EXPECT_TRUE(succession.begin({.name = "old"}, metrics).ok());
  }
  ~Old() { succession.close(); }

  void ask(pid_t asker) {
    succession.upgrade(*core, 30s, asker, [this] { ++over; });
  }
  // Turns the core until the new program has taken over or failed.
  void wait() {
    const Time end = steady_now() + 30s;
    while (succession.starting() != 0 && steady_now() < end) {
      core->turn(core->deadline_after(1s));
    }
    EXPECT_EQ(succession.starting(), 0);
  }
  std::uint64_t failed() {
    return metrics.counter({"fairlead_runtime_upgrades_failed_total", ""}).value().value();
  }

  observe::Registry metrics;
  Succession succession;
  std::unique_ptr<io::Core> core;
  int over = 0;
};

// The system gives none so high; tests that run beside this one have others.
const pid_t kAskerPid = 1'000'000'001 + 2 * ::getpid();

TEST(Succession, TakesAnAskerThatAsksAgainForOne) {
  const Asker asker(kAskerPid);
  Old old({"/bin/sh", "-c", "exec sleep 60"});

  old.ask(kAskerPid);
  const pid_t starting = old.succession.starting();
  old.ask(kAskerPid);

  EXPECT_EQ(asker.told(), "");
  EXPECT_EQ(old.failed(), 0);
  const Time before = steady_now();
  old.succession.end();
  old.wait();
  EXPECT_NE(asker.told().find("upgrade.called_off"), std::string::npos);
  EXPECT_EQ(old.failed(), 1);
  EXPECT_NE(::kill(starting, 0), 0);
  old.ask(kAskerPid);                                    // while the answer was on its way
  const bool late = steady_now() - before >= kAskAgain;  // then it is another one, and refused
  EXPECT_EQ(asker.told().empty(), !late);
  EXPECT_EQ(old.failed(), late ? 2 : 1);
}

TEST(Succession, RefusesAnotherAskerMeanwhile) {
  const Asker asker(kAskerPid);
  const Asker other(kAskerPid + 1);
  Old old({"/bin/sh", "-c", "exec sleep 60"});

  old.ask(kAskerPid);
  old.ask(kAskerPid + 1);

  EXPECT_NE(other.told().find("upgrade.under_way"), std::string::npos);
  EXPECT_EQ(asker.told(), "");
  EXPECT_EQ(old.failed(), 1);
}

// By hand: one that did not wait for the outcome is not asking again.
TEST(Succession, BeginsAnewForAnAskerThatWasNotThereToBeTold) {
  Old old({"/bin/sh", "-c", "exit 3"});

  for (std::uint64_t time = 1; time <= 2; ++time) {
    old.ask(kAskerPid);
    EXPECT_NE(old.succession.starting(), 0);
    old.wait();
    EXPECT_EQ(old.failed(), time);
  }
}

// It goes away before the new one has said that it can be found.
TEST(Succession, TellsEverybodyBeforeItCloses) {
  const Asker asker(kAskerPid);
  Old old({"/usr/bin/python3", "-c", R"(
import os, signal, socket
control = socket.socket(fileno=int(os.environ["FL_UPGRADE_SOCKET"]))
socket.recv_fds(control, 65536, 253)
control.send(b"ready")
assert control.recv(100) == b"go"
signal.pause()
)"});
  old.ask(kAskerPid);
  old.wait();
  const pid_t successor = old.succession.successor();
  ASSERT_NE(successor, 0);
  EXPECT_EQ(asker.told(), "");
  EXPECT_EQ(old.over, 0);

  old.succession.close();

  EXPECT_EQ(asker.told(), "ready " + std::to_string(successor));
  EXPECT_EQ(old.over, 1);
  ::kill(successor, SIGKILL);
  ::waitpid(successor, nullptr, 0);
}

// The process before this one, played by the test.
class SuccessionOfAnother : public ::testing::Test {
 protected:
  SuccessionOfAnother() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), 0);
    EXPECT_TRUE(send_hand_over(ends_[0], {.generation = 2}).ok());
    ::setenv(kUpgradeVariable, std::to_string(ends_[1]).c_str(), 1);
    EXPECT_TRUE(succession_.begin({.name = "new"}, metrics_).ok());
  }
  ~SuccessionOfAnother() override {
    succession_.close();
    ::close(ends_[0]);
  }
  Status take_over() { return core_->run(succession_.take_over(*core_)); }

  int ends_[2] = {-1, -1};
  observe::Registry metrics_;
  Succession succession_;
  std::unique_ptr<io::Core> core_ = io::Core::make({.sockets = &succession_.sockets()}).value();
};

TEST_F(SuccessionOfAnother, BorrowsUntilItIsGivenWay) {
  EXPECT_TRUE(succession_.borrows());
  ASSERT_TRUE(send_word(ends_[0], kGo));

  EXPECT_TRUE(take_over().ok());

  EXPECT_FALSE(succession_.borrows());
}

TEST_F(SuccessionOfAnother, BorrowsToItsEndWhenItIsNotGivenWay) {
  ASSERT_TRUE(send_word(ends_[0], kNo));

  EXPECT_EQ(take_over().reason(), "upgrade.called_off");

  EXPECT_TRUE(succession_.borrows());
  EXPECT_FALSE(succession_.has_predecessor());
}

TEST(Succession, BorrowsNothingWithoutAPredecessor) {
  Old first({"/bin/false"});

  EXPECT_FALSE(first.succession.borrows());
  EXPECT_TRUE(first.core->run(first.succession.take_over(*first.core)).ok());
  EXPECT_FALSE(first.succession.borrows());
}

}  // namespace
}  // namespace fairlead::runtime
