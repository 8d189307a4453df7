// CoreWatch: a thread that sees when a core does not move, and says so.
//
// A handler that blocks holds its core: every connection of that core waits, its timers are late,
// and nothing that runs there could tell. This thread can.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::runtime {

// One core as it is now.
struct CoreReport {
  std::size_t number = 0;
  std::size_t connections = 0;  // streams of both directions
  bool running = false;         // in a turn; false: waits for events
  bool stuck = false;           // in a turn that has lasted longer than stuck_after
  std::string method{};         // whose handler runs; empty: none, or one that has waited before
  Duration busy{};              // how long the turn has lasted
  std::uint64_t turns = 0;
  // As often as the thread looks: a longer one is not missed, a shorter one may be.
  Duration longest_turn{};
  std::uint64_t stuck_count = 0;
};

// Thread: any. Lifetime: the cores, and the texts given to Core::set_method(), outlive it.
class CoreWatch {
 public:
  struct Options {
    // A turn that lasts longer is told as `core.stuck`. 10 ms .. 1 h; zero: nobody looks.
    Duration stuck_after = std::chrono::seconds(1);
  };

  // Metrics: fairlead_runtime_core_stuck_total, fairlead_runtime_turn_longest_milliseconds, both
  // with the label `core`. Errors: kBadMessage `watch.bad_option`; those of observe::Registry.
  static Result<std::unique_ptr<CoreWatch>> make(std::vector<io::Core*> cores, Options options,
                                                 observe::Registry& registry);
  ~CoreWatch();
  CoreWatch(const CoreWatch&) = delete;
  CoreWatch& operator=(const CoreWatch&) = delete;

  // Looks eight times within `stuck_after`, at most every 250 ms, from a thread of its own. Called
  // once. Errors: those of start_thread().
  Status start();
  // Takes effect at once. Errors: `watch.bad_option`.
  Status update(Options options) FL_EXCLUDES(mutex_);
  // Looks once. Logs `core.stuck` (warn) once for a turn, and `core.moves` (warn) when it is over.
  void look(Time now) FL_EXCLUDES(mutex_);
  std::vector<CoreReport> report(Time now) const FL_EXCLUDES(mutex_);

 private:
  struct Watched {
    io::Core* core = nullptr;
    observe::Counter stuck_total{};
    observe::Gauge longest_ms{};
    Duration longest{};
    std::uint64_t stuck_count = 0;
    bool stuck = false;
    Time stuck_turn{};     // when it began
    std::string method{};  // of the stuck turn, when it was first seen
  };

  CoreWatch(std::vector<Watched> cores, Options options)
      : options_(options), cores_(std::move(cores)) {}
  void look_at(std::size_t number, Time now) FL_REQUIRES(mutex_);
  void run();

  static Status validate(const Options& options);
  bool is_stuck(Duration busy) const FL_REQUIRES(mutex_) {
    return options_.stuck_after > Duration::zero() && busy >= options_.stuck_after;
  }

  mutable Mutex mutex_;
  Options options_ FL_GUARDED_BY(mutex_);
  bool updated_ FL_GUARDED_BY(mutex_) = false;  // since the thread looked last
  std::vector<Watched> cores_ FL_GUARDED_BY(mutex_);
  bool ending_ FL_GUARDED_BY(mutex_) = false;
  CondVar changed_;
  std::thread thread_;
};

}  // namespace fairlead::runtime
