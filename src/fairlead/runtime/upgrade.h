// Upgrade: this process starts the program that takes its place, and goes on if that fails.
//
//   start() ─► STARTING ─ "ready" ─────────────────► OVER: it serves ─► settled: this one drains
//                 ├─ it ends, or cannot be started ─► OVER: nothing has changed
//                 └─ time is over, or it is called off ─► ENDING: TERM, then KILL ─► OVER: the same
//
// The other side is predecessor.h; what passes between them is hand_over.h.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/io/listening_sockets.h"
#include "fairlead/runtime/program_start.h"

namespace fairlead::runtime {

// The new process is a child of this one, in its process group, with its files, its folder and its
// environment; it is no longer tied to it when this one ends.
//
// Thread:   its core.
// Lifetime: the core outlives it. Destroying it before it is over kills the new process.
class Upgrade final : private Timer {
 public:
  struct Options {
    ProgramStart start{};
    // > 0; from the start until the new program says that it is ready.
    Duration ready_timeout = std::chrono::seconds(30);
    std::uint32_t generation = 2;  // of the new process
    std::string instance{};        // the id in the registry that it goes on with; empty: none
    // Until it has told everybody where it is, after it took over.
    Duration settle_patience = std::chrono::seconds(1);
  };
  // The new process, which has been told to take over; or why it does not:
  //   kInternal `upgrade.ended`, kDeadlineExceeded `upgrade.not_ready`, kCancelled
  //   `upgrade.called_off`.
  using Over = std::function<void(Result<pid_t> successor)>;
  // After that, where it took over: whoever looks for the new process finds it. It says so, or says
  // nothing for `settle_patience`, or is gone.
  using Settled = std::function<void()>;

  // `sockets`: those of ListeningSockets::all(). `over` is called once, never inside start(), and
  // `settled` after it; neither may destroy this object.
  // Errors: kInvalidOperation `upgrade.not_started` (no such program, no right to run it),
  //         kLocalLimit `upgrade.too_many_sockets`, kInternal `upgrade.not_sent`; those of
  //         io::Core::watch_readable().
  static Result<std::unique_ptr<Upgrade>> start(
      io::Core& core, const Options& options,
      const std::vector<io::ListeningSockets::Socket>& sockets, Over over, Settled settled);
  ~Upgrade();

  pid_t pid() const { return pid_; }
  bool over() const { return told_.over == nullptr; }
  // Ends the new process, if it has not taken over yet.
  void call_off();

 private:
  struct Told {
    Over over;        // null: it is over
    Settled settled;  // null: never again
  };
  Upgrade(io::Core& core, pid_t pid, int process, int control, Duration settle_patience, Told told);

  Status watch();
  void on_timer() override;
  void read_word();
  void reap();
  void end_it(Status why);
  void finish(Result<pid_t> result);
  void settle();

  io::Core& core_;
  const pid_t pid_;
  const int process_;  // a pidfd, ours
  const int control_;  // our end of the pair, ours
  const Duration settle_patience_;
  Told told_;
  Status why_;  // ENDING: what will be told
  std::unique_ptr<io::Disposable> process_watch_;
  std::unique_ptr<io::Disposable> control_watch_;
};

}  // namespace fairlead::runtime
