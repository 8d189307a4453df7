// What a process says of itself on the admin page /links: its phase, its links, what it calls.
#include <array>
#include <utility>

#include "fairlead/service/process.h"

namespace fairlead::service {
namespace {

constexpr std::array<std::string_view, 5> kPhaseNames = {"starting", "serving", "notice",
                                                         "draining", "closing"};

}  // namespace

Status Process::make_phase() {
  FL_TRY_ASSIGN(drain_state_,
                metrics_.gauge({"fairlead_service_drain_state",
                                "How far the process is: 0 starting, 1 serving, 2 notice, 3 "
                                "draining, 4 closing."}));
  FL_TRY_ASSIGN(drain_cut_,
                metrics_.counter({"fairlead_service_drain_cut_total",
                                  "Calls that were still served when the drain's time was over."}));
  return {};
}

void Process::enter(Phase phase, std::string_view reason) {
  const Phase before = phase_.exchange(phase);
  if (before == phase) return;
  drain_state_.set(static_cast<std::int64_t>(phase));
  transitions_.tell(observe::LogLevel::kDebug,
                    {.event = "service.state",
                     .name = name_,
                     .from = kPhaseNames[static_cast<std::size_t>(before)],
                     .to = kPhaseNames[static_cast<std::size_t>(phase)],
                     .reason = reason});
}

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
          .phase = kPhaseNames[static_cast<std::size_t>(phase_.load())],
          .upgrade = succession_.describe(),
          .generation = succession_.generation(),
          .calls_cut = drain_cut_.value()};
}

LinksSources Process::links_sources() {
  return {.cores = cores_->cores(),
          .look = [this](std::size_t core,
                         const LinksQuery& query) { return look_at_core(core, query); },
          .process = [this] { return state(); },
          .transitions = &transitions_};
}

}  // namespace fairlead::service
