// DrainState: how far a process is between its start and its end, and what the end has cut.
//
//   STARTING ─► SERVING ─► NOTICE ─► DRAINING ─► CLOSING
//                not ready ┘          └ its listeners are closed
//
// The same for services and the gateway: in the metrics, in transitions and on /links.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/observe/transitions.h"

namespace fairlead::runtime {

// Thread: make() and enter() one at a time, the rest any.
class DrainState {
 public:
  // The numbers are those of the metric.
  enum class Phase : std::uint8_t { kStarting, kServing, kNotice, kDraining, kClosing };

  struct Options {
    std::string event{};                          // of transitions: "<room>.state"
    std::string name{};                           // of the program
    observe::Transitions* transitions = nullptr;  // hears of every phase; outlives this
  };

  // Metrics: fairlead_<room>_drain_state, fairlead_<room>_drain_cut_total. Once, before all else.
  // Errors: those of observe::Registry.
  Status make(Options options, observe::Registry& registry);

  void enter(Phase phase, std::string_view reason);
  Phase phase() const { return phase_.load(); }
  std::string_view phase_name() const;  // "serving"

  void count_cut(std::uint64_t calls) const { cut_.add(calls); }
  std::uint64_t calls_cut() const { return cut_.value(); }

 private:
  Options options_;
  std::atomic<Phase> phase_{Phase::kStarting};
  observe::Gauge state_;
  observe::Counter cut_;
};

}  // namespace fairlead::runtime
