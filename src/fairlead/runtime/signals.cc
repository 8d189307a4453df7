#include "fairlead/runtime/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/start_thread.h"
#include "fairlead/base/time.h"

namespace fairlead::runtime {

namespace {

constexpr int kSignalExitCode = 128;  // and the signal's number, as shells report it

sigset_t set_of(std::initializer_list<int> signals, std::initializer_list<int> also = {}) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  for (const int signal : also) sigaddset(&set, signal);
  return set;
}

int open_signals(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool read_one(int signals, signalfd_siginfo& info) {
  return ::read(signals, &info, sizeof(info)) == ssize_t{sizeof(info)};
}

}  // namespace

void block_signals(std::initializer_list<int> also) {
  const sigset_t set = set_of({SIGINT, SIGTERM}, also);
  FL_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  FL_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::make(
    io::Core& core, std::function<void(int signal)> on_signal, std::initializer_list<int> also,
    std::function<void()> on_end) {
  std::unique_ptr<SignalWatcher> watcher(
      new SignalWatcher(core, std::move(on_signal), std::move(on_end)));
  FL_TRY(watcher->start(core, also));
  return watcher;
}

Status SignalWatcher::start(io::Core& core, std::initializer_list<int> also) {
  others_ = open_signals(also);
  ends_ = open_signals({SIGINT, SIGTERM});
  over_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (others_ < 0 || ends_ < 0 || over_ < 0) {
    return Status(Code::kInternal, "signals.failed",
                  "no descriptor for signals: raise the limit of open files (ulimit -n)");
  }
  FL_TRY_ASSIGN(watch_, core.watch_readable(others_, [this] { read_others(); }));
  FL_TRY_ASSIGN(thread_, start_thread("fl-signals", [this, here = std::weak_ptr<bool>(here_)] {
                  hear_ends(here);
                }));
  return {};
}

SignalWatcher::~SignalWatcher() {
  leave_core();
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    FL_CHECK(::write(over_, &one, sizeof(one)) == ssize_t{sizeof(one)});
    thread_.join();
  }
  for (const int descriptor : {others_, ends_, over_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

void SignalWatcher::leave_core() {
  watch_.reset();
  here_.reset();
  const MutexLock lock(mutex_);
  told_ = nullptr;
}

void SignalWatcher::read_others() {
  signalfd_siginfo info{};
  while (watch_ != nullptr && read_one(others_, info)) {
    tell(static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid),
         info.ssi_code == SI_KERNEL);
  }
}

// On the thread, which does nothing that hangs. A descriptor and no sigwait(), which would take the
// signals off the mask: programs are asked by theirs whether they know a signal.
void SignalWatcher::hear_ends(const std::weak_ptr<bool>& here) {
  std::optional<Time> first;
  while (true) {
    pollfd waits[] = {{.fd = ends_, .events = POLLIN, .revents = 0},
                      {.fd = over_, .events = POLLIN, .revents = 0}};
    if (::poll(waits, std::size(waits), -1) < 0) continue;  // a debugger, for one
    if (waits[1].revents != 0) return;
    signalfd_siginfo info{};
    if (!read_one(ends_, info)) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    if (first.has_value()) {
      if (signal == SIGTERM && steady_now() - *first < kSameTerm) continue;
      _exit(kSignalExitCode + signal);
    }
    first = steady_now();
    if (on_end_) on_end_();
    post([this, signal, sender = static_cast<pid_t>(info.ssi_pid),
          by_system = info.ssi_code == SI_KERNEL, here] {
      if (!here.expired()) tell(signal, sender, by_system);
    });
  }
}

// Under the lock: once it has been left the core may go away.
void SignalWatcher::post(std::function<void()> letter) {
  const MutexLock lock(mutex_);
  if (told_ != nullptr) told_->post(std::move(letter));
}

void SignalWatcher::tell(int signal, pid_t sender, bool by_system) {
  sender_ = sender;
  by_system_ = by_system;
  on_signal_(signal);
}

}  // namespace fairlead::runtime
