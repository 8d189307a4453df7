// Signals: INT and TERM as events of a core, and as the end of the process when nobody hears them.
//
//   int main() {
//     runtime::block_signals();   // first, before any thread is started
//     ...
//     FL_TRY_ASSIGN(auto signals, runtime::SignalWatcher::make(core, [&](int) { stop.set(); }));
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <initializer_list>
#include <memory>
#include <thread>
#include <utility>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"

namespace fairlead::runtime {

// Blocks INT, TERM and what `also` names (HUP, USR2) in the calling thread and in every thread that
// it starts later, and ignores PIPE. Call it first in main: a thread that does not block them is
// killed by them.
void block_signals(std::initializer_list<int> also = {});

// Tells a core of the first INT or TERM, and of what `also` names. The next INT or TERM ends the
// process at once, with 130 or 143: who asks twice does not want to wait for the drain. A TERM
// within kSameTerm of the first one is the same: timeout(1), for one, sends it to the process and
// to its group. A thread hears them, so both hold when the core is busy, or hangs. It hears what is
// sent to the process: std::raise() and pthread_kill(), which send to one thread, are not heard.
//
// Thread: its core, which runs on a thread that blocks the signals. At most one per process.
// Lifetime: the core outlives it, or leave_core(), and does not turn when another thread destroys
// it.
class SignalWatcher {
 public:
  static constexpr std::chrono::milliseconds kSameTerm{200};

  // `on_signal` gets SIGINT or SIGTERM once, and one of `also` for each that comes; equal ones of
  // these that come before the core looks are one. It must not destroy the watcher. `on_end` is
  // called before it, on the watcher's thread: it says that the process ends to those who must
  // know also when the core hangs. Errors: kInternal `signals.failed` when the system gives no
  // descriptor; those of start_thread() and of io::Core::watch_readable().
  static Result<std::unique_ptr<SignalWatcher>> make(io::Core& core,
                                                     std::function<void(int signal)> on_signal,
                                                     std::initializer_list<int> also = {},
                                                     std::function<void()> on_end = nullptr);
  // Who sent the signal that is being told; 0: the system, or a process that is not seen from here.
  // Within `on_signal`.
  pid_t sender() const { return sender_; }
  // Whether no process sent it but the system: HUP when the terminal is gone. Within `on_signal`.
  bool by_system() const { return by_system_; }
  // The core hears of nothing any more; a second INT or TERM still ends the process.
  // On the core, or when it does not turn. The core may go away before the watcher then.
  void leave_core() FL_EXCLUDES(mutex_);
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

 private:
  SignalWatcher(io::Core& core, std::function<void(int signal)> on_signal,
                std::function<void()> on_end)
      : told_(&core), on_signal_(std::move(on_signal)), on_end_(std::move(on_end)) {}

  Status start(io::Core& core, std::initializer_list<int> also);
  void read_others();
  void post(std::function<void()> letter) FL_EXCLUDES(mutex_);
  void hear_ends(const std::weak_ptr<bool>& here);
  void tell(int signal, pid_t sender, bool by_system);

  Mutex mutex_;
  io::Core* told_ FL_GUARDED_BY(mutex_);  // null: it was left
  const std::function<void(int signal)> on_signal_;
  const std::function<void()> on_end_;  // may be null
  int others_ = -1;                     // a signalfd of `also`, which the core reads
  int ends_ = -1;                       // one of INT and TERM, which the thread reads
  int over_ = -1;                       // an eventfd by which the thread ends
  std::unique_ptr<io::Disposable> watch_;
  std::shared_ptr<bool> here_ = std::make_shared<bool>(true);  // for letters; null: none is heard
  pid_t sender_ = 0;
  bool by_system_ = false;
  std::thread thread_;
};

}  // namespace fairlead::runtime
