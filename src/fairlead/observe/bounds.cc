#include "fairlead/observe/bounds.h"

#include <optional>

#include "fairlead/observe/log.h"

namespace fairlead::observe {

BoundName bound_name(Bound bound) {
  constexpr std::array<BoundName, static_cast<std::size_t>(Bound::kCount)> kNames = {{
      {"connections", "limits.connections_max"},
      {"ip_connections", "limits.ip_connections_max"},
      {"accepts", "limits.accepts_per_second_max"},
      {"descriptors", "ulimit -n"},
      {"undecided", "limits.undecided_connections_max"},
      {"handshake", "tls.handshake_timeout"},
      {"login", "limits.login_timeout"},
      {"frame_time", "limits.frame_time_max"},
      {"frame_bytes", "limits.frame_bytes_max"},
      {"inflight_calls", "limits.inflight_calls_max"},
      {"write_queue", "limits.write_queue_bytes_max"},
      {"slow_reader", "limits.slow_reader_after"},
      {"handlers", "limits.handlers_max"},
      {"memory", "limits.memory"},
      {"pool", "pools.NAME.waiting_jobs_max"},
      {"pool_wait", "pools.NAME.queue_target"},
      {"windows", "dedup.windows_max"},
  }};
  return kNames[static_cast<std::size_t>(bound)];
}

Result<std::unique_ptr<Bounds>> Bounds::make(Registry& registry, std::string_view above) {
  std::unique_ptr<Bounds> made(new Bounds(above));
  for (std::size_t i = 0; i < made->places_.size(); ++i) {
    FL_TRY_ASSIGN(made->places_[i].hits,
                  registry.counter({"fairlead_rpc_bound_hits_total",
                                    "Times that a limit refused, closed or held something."},
                                   {{"bound", bound_name(static_cast<Bound>(i)).label}}));
  }
  return made;
}

std::string Bounds::setting(Bound bound) const {
  const std::string_view name = bound_name(bound).setting;
  return (name.starts_with("limits.") ? above_ : std::string()) + std::string(name);
}

void Bounds::hit(Bound bound, std::uint64_t limit, Time now) {
  Place& here = place(bound);
  here.hits.add();
  const std::optional<std::uint64_t> hits = here.lines.pass(now);
  if (!hits.has_value()) return;
  FL_LOG(warn, "bound.hit", {"bound", bound_name(bound).label}, {"setting", setting(bound)},
         {"limit", limit}, {"hits", *hits});
}

}  // namespace fairlead::observe
