// What a process says of itself on the admin page /links: its phase, its links, what it calls.
#include <utility>

#include "fairlead/service/process.h"

namespace fairlead::service {

CoreLinks Process::look_at_core(std::size_t index, const LinksQuery& query) {
  CoreLinks out;
  std::function<std::string(rpc::Session&)> name_of;
  if (hub_ != nullptr) {
    name_of = [this](rpc::Session& session) { return hub_->of(session).id(); };
  }
  look_at_links(*serving_[index], query, name_of, out);
  look_at_links(*calling_[index], query, name_of, out);
  if (hub_ != nullptr) {
    for (upstream::EndpointView& link : hub_->links(calling_[index]->core(), query.limit)) {
      std::string id = link.name;
      out.endpoints.push_back({.service = std::move(id), .endpoint = std::move(link)});
    }
  }
  const MutexLock lock(parts_mutex_);
  for (const auto& [name, target] : targets_) {
    for (upstream::EndpointView& endpoint : target->places_[index].service->endpoints()) {
      out.endpoints.push_back({.service = name, .endpoint = std::move(endpoint)});
    }
  }
  return out;
}

ProcessState Process::state() const {
  return {.name = name_,
          .phase = drain_state_.phase_name(),
          .upgrade = succession_.describe(),
          .generation = succession_.generation(),
          .calls_cut = drain_state_.calls_cut()};
}

LinksSources Process::links_sources() {
  return {.cores = cores_->cores(),
          .look = [this](std::size_t core,
                         const LinksQuery& query) { return look_at_core(core, query); },
          .process = [this] { return state(); },
          .transitions = &transitions_};
}

}  // namespace fairlead::service
