#include "fairlead/runtime/upgrade_request.h"

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// A process that waits for USR2 and then does `then` with whoever sent it.
class Asked {
 public:
  explicit Asked(const std::function<void(pid_t asker)>& then)
      : Asked([&then](const Asked&, pid_t asker) { then(asker); }) {}
  // `then` may wait for more.
  explicit Asked(const std::function<void(const Asked& self, pid_t asker)>& then) {
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &usr2, nullptr);
    // As SignalWatcher has it: sigwait() would take the signal off the mask while it waits.
    const int signals = ::signalfd(-1, &usr2, SFD_CLOEXEC);
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(signals);
      return;
    }
    signals_ = signals;
    then(*this, wait());
    ::_exit(0);
  }
  ~Asked() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  // In the process: who sent the next signal.
  pid_t wait() const {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof(info)) != ssize_t{sizeof(info)}) ::_exit(1);
    return static_cast<pid_t>(info.ssi_pid);
  }

 private:
  pid_t pid_ = 0;
  int signals_ = -1;  // in the process
};

TEST(UpgradeRequest, GivesTheProcessThatTookOver) {
  const Asked process([](pid_t asker) { answer_upgrade(asker, 4711); });

  const Result<pid_t> successor = ask_for_upgrade(process.pid(), 30s);

  EXPECT_EQ(successor.value_or(0), 4711) << successor.status();
}

TEST(UpgradeRequest, GivesWhyThereIsNone) {
  const Asked process([](pid_t asker) {
    answer_upgrade(asker, Status(Code::kInternal, "upgrade.ended", "it ended\n(exit code 1)"));
  });

  const Status why = ask_for_upgrade(process.pid(), 30s).status();

  EXPECT_EQ(why.code(), Code::kInternal);
  EXPECT_EQ(why.reason(), "upgrade.ended");
  EXPECT_EQ(why.message(), "it ended\n(exit code 1)");
}

TEST(UpgradeRequest, SaysWhenTheProcessDiesOfIt) {
  const Asked process([](pid_t) {});

  EXPECT_EQ(ask_for_upgrade(process.pid(), 30s).status().reason(), "upgrade.died");
}

// Of two signals that come together one is lost.
TEST(UpgradeRequest, AsksAgainUntilItIsAnswered) {
  const Asked process([](const Asked& self, pid_t) { answer_upgrade(self.wait(), 4711); });

  const Result<pid_t> successor = ask_for_upgrade(process.pid(), 30s);

  EXPECT_EQ(successor.value_or(0), 4711) << successor.status();
}

TEST(UpgradeRequest, IsNotOverWhenAnOlderVersionRefusesToBeAskedAgain) {
  const Asked process([](const Asked& self, pid_t) {
    const pid_t asker = self.wait();
    sockaddr_un place{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = "fairlead-upgrade-" + std::to_string(asker);
    std::memcpy(place.sun_path + 1, name.data(), name.size());
    const std::string refusal =
        "failed " + std::to_string(static_cast<int>(Code::kConflict)) + " upgrade.under_way it is";
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    (void)::sendto(socket, refusal.data(), refusal.size(), 0,
                   reinterpret_cast<const sockaddr*>(&place),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
    answer_upgrade(asker, 4711);
  });

  const Result<pid_t> successor = ask_for_upgrade(process.pid(), 30s);

  EXPECT_EQ(successor.value_or(0), 4711) << successor.status();
}

TEST(UpgradeRequest, DoesNotWaitForEver) {
  const Asked process([](pid_t) { ::pause(); });

  const Status late = ask_for_upgrade(process.pid(), 20ms).status();

  EXPECT_EQ(late.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(late.reason(), "upgrade.no_answer");
}

// Anybody may send to the address.
TEST(UpgradeRequest, BelievesNobodyElse) {
  const Asked process([](pid_t asker) {
    const pid_t liar = ::fork();
    if (liar == 0) {
      answer_upgrade(asker, 1);
      ::_exit(0);
    }
    ::waitpid(liar, nullptr, 0);
    answer_upgrade(asker, 4711);
    ::pause();
  });

  EXPECT_EQ(ask_for_upgrade(process.pid(), 30s).value_or(0), 4711);
}

// An interactive shell is such a one, and ends by it.
TEST(UpgradeRequest, DoesNotSignalAProcessThatHandlesItInItsOwnWay) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    std::signal(SIGUSR2, [](int) { ::_exit(1); });
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    (void)!::write(ready[1], "r", 1);
    while (true) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);

  EXPECT_EQ(ask_for_upgrade(other, 10ms).status().reason(), "upgrade.not_possible");
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0) << "it lives";

  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  for (const int end : ready) ::close(end);
}

TEST(UpgradeRequest, DoesNotKillAProcessThatDoesNotKnowTheSignal) {
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const pid_t plain = ::fork();
  if (plain == 0) {
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    ::_exit(127);
  }

  EXPECT_EQ(ask_for_upgrade(plain, 10ms).status().reason(), "upgrade.not_possible");
  EXPECT_EQ(::waitpid(plain, nullptr, WNOHANG), 0) << "it lives";

  ::kill(plain, SIGKILL);
  ::waitpid(plain, nullptr, 0);
}

TEST(UpgradeRequest, SaysThatThereIsNoSuchProcess) {
  const Status nobody = ask_for_upgrade(0x3FFF'FFF0, 1s).status();

  EXPECT_EQ(nobody.reason(), "upgrade.no_process");
  EXPECT_EQ(ask_for_upgrade(0, 1s).status().reason(), "upgrade.no_process");
}

TEST(UpgradeRequest, NeedsNobodyWhoWaitsForTheAnswer) {
  EXPECT_FALSE(answer_upgrade(0, 1));
  EXPECT_FALSE(answer_upgrade(::getpid(), 1));

  const Asked process([](pid_t asker) { answer_upgrade(asker, 4711); });
  EXPECT_EQ(ask_for_upgrade(process.pid(), 30s).value_or(0), 4711) << "who asks hears the answer";
}

}  // namespace
}  // namespace fairlead::runtime
