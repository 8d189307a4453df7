// Succession: how a process takes the place of the one before it, and gives its own to the next.
//
//   started by another one ─► begin() ─► listen to what it listened to ─► take_over() ─► SERVING
//                                                                  └ it goes on, or end() ─► fails
//   SERVING ─ upgrade() ─► a new program is started ─┬ it serves ─► LEFT: Over is told, drain now
//                                                    └ it does not ─► SERVING, nothing has changed
//
// What services and gateways have in common of that; below it Upgrade and Predecessor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/io/listening_sockets.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/runtime/predecessor.h"
#include "fairlead/runtime/program_start.h"
#include "fairlead/runtime/upgrade.h"

namespace fairlead::runtime {

// Whether a pid file can be written there; empty: there is none to write.
// Errors: kInvalidOperation `service.pid_file`.
Status check_pid_file(const std::string& path);

// Thread: begin() before there are threads, sockets() and remove_pid_file() any; everything else on
// the core that listens. Lifetime: outlives the listeners of that core.
class Succession {
 public:
  struct Options {
    std::string name{};                           // of the program, for the log
    std::string pid_file{};                       // empty: none
    observe::Transitions* transitions = nullptr;  // hears of upgrades, too; outlives this
  };

  // `program`: what upgrade() starts, in this one's place.
  explicit Succession(Result<ProgramStart> program = ProgramStart::of_this_process())
      : program_(std::move(program)) {}
  Succession(const Succession&) = delete;
  Succession& operator=(const Succession&) = delete;

  // Inherits the sockets of the process before this one and of the service manager.
  // Errors: kInvalidOperation `upgrade.bad_hand_over`, `listen.bad_socket`; those of `registry`.
  Status begin(Options options, observe::Registry& registry);
  // To be given to the core (CoreOptions::sockets).
  io::ListeningSockets& sockets() { return sockets_; }
  // Another process serves still, and waits for take_over(). What it listens on stays, whatever
  // becomes of this one.
  bool has_predecessor() const { return predecessor_ != nullptr; }
  // This process was started in another one's place and has not been given way, be it that it ends
  // now: what it listens on is that one's, which serves there.
  bool borrows() const { return borrows_; }
  std::uint32_t generation() const { return generation_; }
  // The id in the registry that processes here have one after the other; empty: none so far.
  const std::string& instance() const { return instance_; }
  void set_instance(std::string id) { instance_ = std::move(id); }

  // All listeners are open: closes what none has taken, and says so in the log. On the core.
  void drop_rest();
  // Everything is open: from here on this process is the one that serves, or it is not at all.
  // Takes 10 s at most. Writes the pid file; tells the service manager. The other one tells who
  // asked as soon as this is over, so whoever awaits it is to serve in the same turn.
  // Errors: kCancelled `upgrade.called_off`: the other one goes on, or end() came first: this one
  //         must end; kInvalidOperation `service.pid_file`: it cannot be written; those of
  //         io::Core::watch_readable().
  Task<Status> take_over(io::Core& core);

  // Starts the program again, in this one's place. `asker` (0: nobody) is told of the outcome, and
  // of a refusal, which is counted: kOverloaded `upgrade.draining`, kConflict `upgrade.under_way`,
  // kInvalidOperation `upgrade.first_process`, `upgrade.not_possible` (it ends with who started
  // it); those of ProgramStart::of_this_process() and Upgrade::start(). An asker that asks again
  // until it is told is one asker. When the new one has taken over, the listeners of this one have
  // been left to it, and when everybody is told, `over` is called: it is time to drain.
  void upgrade(io::Core& core, Duration ready_timeout, pid_t asker, std::function<void()> over);
  // An upgrade that this process cannot do now.
  void refuse_upgrade(pid_t asker, const Status& why);

  // This process ends: no upgrade is begun from now on, one under way is called off, and
  // take_over() fails unless the other one has given way. Tells the service manager, where nobody
  // goes on.
  void end();
  // The process that has taken over; 0: none has.
  pid_t successor() const { return successor_; }
  // The new process that has not taken over yet; 0: there is none.
  pid_t starting() const { return upgrade_ != nullptr && !upgrade_->over() ? upgrade_->pid() : 0; }
  // Which of both there is, in words; "none".
  std::string describe() const;
  // After the drain, on the core: what belongs to it goes.
  void close();
  // The last thing: the pid file goes, unless it is another one's.
  void remove_pid_file() const;

 private:
  Status write_pid_file() const;
  void tell_state(std::string_view from, std::string_view to, std::string_view reason,
                  std::string_view evidence) const;
  Status start_upgrade(io::Core& core, Duration ready_timeout);
  void end_upgrade(const Result<pid_t>& successor);
  void settle();
  bool asks_again(pid_t asker) const;
  void answer(const Result<pid_t>& outcome);

  const Result<ProgramStart> program_;
  Options options_;
  io::ListeningSockets sockets_;
  std::unique_ptr<Predecessor> predecessor_;  // until this process has taken over
  std::unique_ptr<Upgrade> upgrade_;
  std::function<void()> over_;  // null: it is not to be called
  pid_t asker_ = 0;             // of the last upgrade; 0: nobody, or one who did not wait
  Time answered_{};             // when it was told; of the clock's beginning: not yet
  pid_t successor_ = 0;
  bool borrows_ = false;
  bool ending_ = false;
  bool ends_with_parent_ = false;  // who started it counts on that, and knows no successor
  std::uint32_t generation_ = 1;
  std::string instance_;
  observe::Counter failed_;
};

}  // namespace fairlead::runtime
