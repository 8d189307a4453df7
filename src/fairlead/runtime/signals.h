// Signals: INT and TERM as events of a core.
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

#include "fairlead/base/result.h"
#include "fairlead/io/core.h"

namespace fairlead::runtime {

// Blocks INT, TERM and what `also` names (HUP, USR2) in the calling thread and in every thread that
// it starts later, and ignores PIPE. Call it first in main: a thread that does not block them is
// killed by them.
void block_signals(std::initializer_list<int> also = {});

// Tells a core of INT, TERM and what `also` names. After the first INT or TERM the next one ends
// the process at once, with 130 or 143, even when the core is busy: who asks twice does not want to
// wait for the drain. A TERM within kSameTerm of the first one is the same: timeout(1), for one,
// sends it to the process and to its group.
//
// Thread: its core, which runs on a thread that blocks the signals. At most one per process.
// Lifetime: the core outlives it. Destroying it brings back how both were treated before.
class SignalWatcher {
 public:
  static constexpr std::chrono::milliseconds kSameTerm{200};

  // `on_signal` gets SIGINT, SIGTERM or one of `also`, once for each signal that comes; equal ones
  // that come before the core looks are one. It must not destroy the watcher. Errors: kInternal
  // `signals.failed` when the system gives no descriptor; those of
  //         io::Core::watch_readable().
  static Result<std::unique_ptr<SignalWatcher>> make(io::Core& core,
                                                     std::function<void(int signal)> on_signal,
                                                     std::initializer_list<int> also = {});
  // Who sent the signal that is being told; 0: the system, or a process that is not seen from here.
  // Within `on_signal`.
  pid_t sender() const { return sender_; }
  // Whether no process sent it but the system: HUP when the terminal is gone. Within `on_signal`.
  bool by_system() const { return by_system_; }
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;
  ~SignalWatcher();

 private:
  SignalWatcher(int signals, std::function<void(int signal)> on_signal)
      : signals_(signals), on_signal_(std::move(on_signal)) {}

  void read_all();
  void end_at_the_next();

  const int signals_;  // a signalfd, ours
  const std::function<void(int signal)> on_signal_;
  std::unique_ptr<io::Disposable> watch_;
  pid_t sender_ = 0;
  bool by_system_ = false;
  bool armed_ = false;  // the next INT or TERM ends the process
  struct sigaction int_before_ = {};
  struct sigaction term_before_ = {};
};

}  // namespace fairlead::runtime
