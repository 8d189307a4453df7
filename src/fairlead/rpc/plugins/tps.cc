#include "fairlead/rpc/plugins/tps.h"

#include <chrono>

#include "fairlead/rpc/context.h"

namespace fairlead::rpc {

Status Tps::post_reg(const RegisteredRoute& route) {
  // A plugin of a group hears of some routes only; the others keep counters that count nothing.
  if (routes_.size() <= route.number) routes_.resize(route.number + 1);
  Counts& counts = routes_[route.number];
  counts.method = route.method;
  counts.kind = route.kind;
  const std::vector<observe::Label> labels{{"method", route.method},
                                           {"kind", wire::kind_name(route.kind)}};
  FL_TRY_ASSIGN(
      counts.messages,
      metrics_.counter({"fairlead_rpc_method_messages_total", "Calls and pushes served."}, labels));
  FL_TRY_ASSIGN(counts.failed, metrics_.counter({"fairlead_rpc_method_failed_total",
                                                 "Calls and pushes that ended with an error."},
                                                labels));
  FL_TRY_ASSIGN(counts.seconds,
                metrics_.histogram({"fairlead_rpc_method_seconds",
                                    "From the read of a message to the end of its handler."},
                                   observe::Unit::kSeconds, labels));
  return {};
}

Status Tps::post_serve(const Served& served) {
  if (served.route >= routes_.size()) return {};
  const Counts& counts = routes_[served.route];
  counts.messages.add();
  if (!served.status.ok()) counts.failed.add();
  counts.seconds.record(served.context.core().measured_now() - served.begun);
  return {};
}

std::vector<Tps::Rate> Tps::rates(Time now) {
  const MutexLock lock(mutex_);
  last_.resize(routes_.size());
  const double seconds = std::chrono::duration<double>(now - last_time_).count();
  std::vector<Rate> out;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Counts& counts = routes_[i];
    if (counts.method.empty()) continue;
    const std::uint64_t messages = counts.messages.value();
    const double since = static_cast<double>(messages - last_[i]);
    out.push_back({counts.method, counts.kind, messages, seconds > 0 ? since / seconds : 0});
    last_[i] = messages;
  }
  last_time_ = now;
  return out;
}

}  // namespace fairlead::rpc
