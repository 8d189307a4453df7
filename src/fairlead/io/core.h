// Core: one thread's event loop, the owner of everything that lives on it.
//
// A turn:   wait for events -> read each stream (handlers run) and write what they answered on it
//           -> timers that are due -> letters of other threads
//           -> one write per stream with other output -> dispose
//
// The interface is what a simulated loop fills too: nothing above this room sees a descriptor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "fairlead/async/mailbox.h"
#include "fairlead/async/scope.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/address.h"
#include "fairlead/io/stream.h"

namespace fairlead::io {

class ConnectionLimits;
class ListeningSockets;

// Receives accepted connections, on the core that will own each of them.
using AcceptHandler = std::function<void(Core& core, std::unique_ptr<Stream> stream)>;

struct CoreOptions {
  // Looks for events so long before it sleeps, while events come that fast (spin_policy.h); zero:
  // never. 0 .. 1 ms; it makes sense from 20 to 50 us, and only where a CPU is spare.
  Duration spin = Duration::zero();
  // Knows the sockets on which the core listens, for who goes on with them; null: nobody does.
  // Outlives the core.
  ListeningSockets* sockets = nullptr;
};

struct ListenOptions {
  // Cores that accept and take the connections; empty: the listening core itself. Whichever is
  // free accepts, and the least loaded one takes: among equals the one that accepts. A core whose
  // turn has lasted 100 ms takes nothing while another one moves.
  std::vector<Core*> cores{};
  int backlog = 1024;
  // Counts and bounds the connections; null: nobody does, and on a simulated core nobody ever does.
  // Outlives the cores.
  ConnectionLimits* limits = nullptr;
  // Takes, where the other handler takes the rest, connections that are over a limit by little: to
  // say so within a second or so, and close them. Empty: they are closed at once.
  AcceptHandler refuse{};
};

// What a core is doing, as another thread sees it.
struct CoreActivity {
  bool running = false;  // in a turn; false: it waits for events, or no thread runs it
  Time turn_began{};     // when running
  // The method whose handler runs, when it is the first stretch of one: what goes on after a wait,
  // timers and letters have no name. Null then, and between handlers.
  const std::string* method = nullptr;
  std::uint64_t turns = 0;

  // How long the turn has lasted; zero when there is none.
  Duration busy(Time now) const {
    return running && turn_began < now ? now - turn_began : Duration::zero();
  }
};

// Thread: made anywhere, run by one thread; methods are called on that thread, except post(),
// stop(), load() and activity(). Lifetime: outlives everything that was made with it.
class FL_CAPABILITY("core") Core {
 public:
  // A core on the system's epoll.
  // Errors: kInternal `core.no_epoll` when the system gives no descriptor.
  static Result<std::unique_ptr<Core>> make(CoreOptions options = {});
  // The core whose loop runs on this thread, or null.
  static Core* current();

  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  virtual ~Core();

  // Ends the process when called on another thread than the one that runs (or will run) the core.
  void assert_here() const FL_ASSERT_CAPABILITY(this);

  // The time at which this turn began; one clock read a turn.
  Time now() const { return now_; }
  // The time at this moment, for who measures within a turn. A clock read.
  Time measured_now() const { return read_clock(); }
  Deadline deadline_after(Duration duration) const { return Deadline::after(now_, duration); }
  virtual std::int64_t wall_ms() const = 0;  // milliseconds since 1970
  TimerWheel& timers() { return timers_; }

  // Runs `letter` on this core in its next turn. Any thread. Dropped if the core never runs again.
  void post(Mailbox::Letter letter);

  // Opens a listening socket, or takes an inherited one of this address (CoreOptions::sockets).
  // Errors: kInvalidOperation `listen.in_use` (names the address and what to do),
  //         `listen.failed` (everything else the system says).
  virtual Result<std::unique_ptr<Listener>> listen(const Address& address, ListenOptions options,
                                                   AcceptHandler handler) = 0;
  // Opens a connection.
  // Errors: kDialFailed `dial.refused`, `dial.timeout`, `dial.failed`; kCancelled `wait.cancelled`.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Address address, Deadline deadline,
                                                        CancelToken cancel) = 0;
  // Calls `ready` in each turn in which the descriptor has become readable (edge-triggered). For
  // signals and wake-ups, not for streams. Destroying the handle ends it; `fd` stays the caller's.
  // Errors: kInvalidOperation `watch.failed`.
  virtual Result<std::unique_ptr<Disposable>> watch_readable(int fd,
                                                             std::function<void()> ready) = 0;

  // Takes turns until stop(), or until the task is done. One at a time.
  void run();
  template <class T>
  T run(Task<T> task);
  // One turn; waits for an event at most until `deadline`.
  void turn(Deadline deadline);
  // Makes run() return after the current turn. Any thread.
  void stop();

  // Starts a task of the core itself.
  void spawn(Task<void> task) { scope_.spawn(std::move(task)); }
  Scope& scope() { return scope_; }

  // Destroys `object` when the current turn ends. For objects whose methods may be on the stack.
  void dispose(std::unique_ptr<Disposable> object);

  // Streams that live here. Any thread; a hint for balancing.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }
  // What the core is doing. Any thread. It costs the core three plain stores a turn.
  CoreActivity activity() const;
  // Says which method's handler runs from now on; null: none. The text must live as long as the
  // core takes turns. One plain store.
  void set_method(const std::string* method) { method_.store(method, std::memory_order_release); }

 protected:
  friend Stream;
  explicit Core(Time now) : now_(now), timers_(now) {}

  virtual Time read_clock() const = 0;
  // Waits at most until `deadline` (one that has passed: does not wait), sets now_ by update_now(),
  // and gives events to their streams.
  virtual void poll(Deadline deadline) = 0;
  virtual void wake() = 0;  // any thread: ends a poll() that waits
  void update_now() {
    now_ = read_clock();
    turn_began_.store(now_.time_since_epoch().count(), std::memory_order_release);
  }
  void add_load(std::ptrdiff_t change) {
    load_.fetch_add(static_cast<std::size_t>(change), std::memory_order_relaxed);
  }
  bool has_letters() const { return !mailbox_.empty(); }
  // Something to do at once, without an event or a timer.
  bool has_work() const { return has_letters() || !flushes_.empty() || !disposed_.empty(); }
  // Ends every task and drops what is waiting; concrete cores call it first in their destructor.
  void shut_down();

 private:
  void forget_flush(Stream& stream);
  void spawn_here(Task<void> task);  // spawn() as the current core
  // turn() on the thread that is known to run this core; `inside_another`: of its turns.
  void turn_here(Deadline deadline, bool inside_another);
  void end_turn();

  Time now_;
  TimerWheel timers_;
  Mailbox mailbox_;
  std::vector<Stream*> flushes_;  // streams with output of this turn
  std::vector<std::unique_ptr<Disposable>> disposed_;
  Scope scope_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> turning_{false};  // some thread is inside run() or turn()
  std::atomic<std::size_t> load_{0};
  // Written by the core alone, for activity(); zero: no turn.
  std::atomic<Time::rep> turn_began_{0};
  std::atomic<const std::string*> method_{nullptr};
  std::atomic<std::uint64_t> turns_{0};
};

template <class T>
T Core::run(Task<T> task) {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  std::optional<Value> value;
  const auto body = [](Task<T> inner, std::optional<Value>* out) -> Task<void> {
    if constexpr (std::is_void_v<T>) {
      co_await inner;
      out->emplace();
    } else {
      T result = co_await inner;
      out->emplace(std::move(result));
    }
  };
  spawn_here(body(std::move(task), &value));
  while (!value.has_value()) turn(Deadline());
  if constexpr (!std::is_void_v<T>) return std::move(*value);
}

}  // namespace fairlead::io
