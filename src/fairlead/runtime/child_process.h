// ChildProcess: a program that this process has started, as its core sees it.
//
//   start() ─► RUNNING ── ends by itself, or by stop() ─► ENDED: on_exit(), once
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"

namespace fairlead::runtime {

// How a process ended.
struct ExitStatus {
  int code = 0;    // of exit(); 0 when a signal ended it
  int signal = 0;  // that ended it; 0: it ended by itself

  bool ok() const { return code == 0 && signal == 0; }
  std::string to_string() const;  // "exit code 1", "signal 9 (Killed)"
};

struct ChildOptions {
  // Program and arguments. A program without '/' is looked for in PATH.
  std::vector<std::string> command{};
  // Variables of ours that it does not get: each name that begins with one of these.
  std::vector<std::string> hidden_variables{};
};

// The child has a process group of its own, so that Ctrl-C at a terminal reaches us and not it; its
// signals are as usual, its input is empty, and it is killed when the thread that started it ends,
// however that happens.
//
// Thread:   its core, on a thread that lives as long as the process.
// Lifetime: the core outlives it. Destroying it kills what is still running.
class ChildProcess {
 public:
  struct Handlers {
    // A line of what the child writes, standard output and error, without its end. Lines longer
    // than kLineBytesMax come in pieces.
    std::function<void(std::string_view line)> on_line;
    // It has ended and everything that it wrote has been told. It may destroy this object.
    std::function<void(ExitStatus status)> on_exit;
  };
  static constexpr std::size_t kLineBytesMax = 16 * 1024;

  // Errors: kInvalidOperation `child.not_found` (no such program), `child.not_started` (what the
  //         system says); those of io::Core::watch_readable().
  static Result<std::unique_ptr<ChildProcess>> start(io::Core& core, const ChildOptions& options,
                                                     Handlers handlers);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  bool running() const { return !ended_.is_set(); }

  // Asks it to end (TERM), and kills it and its group when it has not by `deadline`. Gives how it
  // ended; at once when it has.
  Task<ExitStatus> stop(Deadline deadline);

 private:
  ChildProcess(io::Core& core, pid_t pid, int process, int output, Handlers handlers);

  Status watch();
  void read_output();
  void tell_lines(bool all);
  void reap();

  io::Core& core_;
  const pid_t pid_;
  const int process_;  // a pidfd, ours
  const int output_;   // the reading end of its output, ours
  const Handlers handlers_;
  std::unique_ptr<io::Disposable> process_watch_;
  std::unique_ptr<io::Disposable> output_watch_;
  std::string text_;  // output without its line's end
  ExitStatus status_;
  Event ended_;
};

}  // namespace fairlead::runtime
