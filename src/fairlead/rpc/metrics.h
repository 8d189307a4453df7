// Metrics of a process's peers: what happens on all of their sessions.
#pragma once

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::rpc {

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_rpc_<member>_total.
struct Metrics {
  observe::Counter sessions_opened{};
  observe::Counter sessions_closed{};
  observe::Counter calls_sent{};
  observe::Counter calls_timed_out{};
  observe::Counter calls_received{};
  observe::Counter calls_failed{};     // answered with an error
  observe::Counter calls_refused{};    // answered with an error before any handler ran
  observe::Counter calls_cancelled{};  // by their callers, while the handler ran
  observe::Counter pushes_sent{};
  observe::Counter pushes_received{};
  observe::Counter pushes_failed{};  // no route, or the handler returned an error
  observe::Counter replies_late{};   // nobody waited any more
  observe::Counter protocol_errors{};
  observe::Counter logins_refused{};  // also: late ones, and messages in the place of one

  // Errors: those of observe::Registry::counter().
  static Result<Metrics> make(observe::Registry& registry);
};

}  // namespace fairlead::rpc
