// Tps: how many messages each method serves, how many fail and how long they take.
//
// Counted for each route: fairlead_rpc_method_messages_total, _method_failed_total and the
// histogram _method_seconds, with the labels `method` and `kind`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

// Thread: as Plugin; rates() from any. Lifetime: `metrics` outlives it. Cost: three counters and a
// clock read a message.
class Tps final : public Plugin {
 public:
  explicit Tps(observe::Registry& metrics) : Plugin("tps"), metrics_(metrics) {}

  struct Rate {
    std::string method;
    wire::Kind kind;
    std::uint64_t messages = 0;  // since the start
    double per_second = 0;       // since the last call of rates(), or the start
  };
  // In the order of the routes. `now` of the caller's clock, later than the last one.
  std::vector<Rate> rates(Time now);

  // Errors: those of observe::Registry.
  Status post_reg(const RegisteredRoute& route) override;
  Status post_serve(const Served& served) override;

 private:
  struct Counts {
    std::string method;
    wire::Kind kind;
    observe::Counter messages;
    observe::Counter failed;
    observe::Histogram seconds;
  };

  observe::Registry& metrics_;
  std::vector<Counts> routes_;  // by number; complete before the cores run
  Mutex mutex_;
  std::vector<std::uint64_t> last_ FL_GUARDED_BY(mutex_);
  Time last_time_ FL_GUARDED_BY(mutex_) = steady_now();
};

}  // namespace fairlead::rpc
