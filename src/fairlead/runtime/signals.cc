#include "fairlead/runtime/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "fairlead/base/check.h"
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

// When the first one came, on the steady clock. Written before the handler can run.
std::atomic<Time::rep> first_came{0};
static_assert(std::atomic<Time::rep>::is_always_lock_free);

// Only what is safe in a handler: the clock, and the end.
void end_process(int signal) {
  const Duration since = steady_now() - Time(Duration(first_came.load()));
  if (signal == SIGTERM && since < SignalWatcher::kSameTerm) return;
  _exit(kSignalExitCode + signal);
}

}  // namespace

void block_signals(std::initializer_list<int> also) {
  const sigset_t set = set_of({SIGINT, SIGTERM}, also);
  FL_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  FL_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::make(
    io::Core& core, std::function<void(int signal)> on_signal, std::initializer_list<int> also) {
  const sigset_t set = set_of({SIGINT, SIGTERM}, also);
  const int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (signals < 0) {
    return Status(Code::kInternal, "signals.failed",
                  "no descriptor for signals: raise the limit of open files (ulimit -n)");
  }
  std::unique_ptr<SignalWatcher> watcher(new SignalWatcher(signals, std::move(on_signal)));
  SignalWatcher* const self = watcher.get();
  FL_TRY_ASSIGN(watcher->watch_,
                core.watch_readable(watcher->signals_, [self] { self->read_all(); }));
  return watcher;
}

SignalWatcher::~SignalWatcher() {
  watch_.reset();
  ::close(signals_);
  if (!armed_) return;
  const sigset_t set = set_of({SIGINT, SIGTERM});
  FL_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  FL_CHECK(sigaction(SIGINT, &int_before_, nullptr) == 0);
  FL_CHECK(sigaction(SIGTERM, &term_before_, nullptr) == 0);
}

void SignalWatcher::read_all() {
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof(info)) == ssize_t{sizeof(info)}) {
    const int signal = static_cast<int>(info.ssi_signo);
    sender_ = static_cast<pid_t>(info.ssi_pid);
    by_system_ = info.ssi_code == SI_KERNEL;
    if (signal == SIGINT || signal == SIGTERM) end_at_the_next();
    on_signal_(signal);
  }
}

// A handler and not the descriptor, because a core that hangs in a handler reads no descriptor.
void SignalWatcher::end_at_the_next() {
  if (std::exchange(armed_, true)) return;
  first_came.store(steady_now().time_since_epoch().count());
  struct sigaction action = {};
  action.sa_handler = end_process;
  FL_CHECK(sigaction(SIGINT, &action, &int_before_) == 0);
  FL_CHECK(sigaction(SIGTERM, &action, &term_before_) == 0);
  const sigset_t set = set_of({SIGINT, SIGTERM});
  FL_CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

}  // namespace fairlead::runtime
