#include "fairlead/gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/gateway/across_cores.h"
#include "fairlead/gateway/worker.h"
#include "fairlead/observe/log.h"

namespace fairlead::gateway {
namespace {

Task<Status> take_turn() { co_return Status(); }

}  // namespace

Gateway::Gateway(io::Address listen, GatewayParts parts)
    : parts_(std::move(parts)),
      core_(*parts_.cores.front()),
      address_(std::move(listen)),
      shared_(std::make_unique<internal::Shared>()) {}

Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::make(GatewaySpec spec, GatewayParts parts) {
  FL_CHECK(!parts.cores.empty());
  std::unique_ptr<Gateway> gateway(new Gateway(spec.listen, std::move(parts)));
  observe::Registry& registry = gateway->parts_.metrics;
  internal::Shared& shared = *gateway->shared_;
  FL_TRY(gateway->drain_state_.make(
      {.event = "gateway.state", .name = "gateway", .transitions = gateway->parts_.transitions},
      registry));
  FL_TRY_ASSIGN(shared.http_metrics, http::Metrics::make(registry));
  FL_TRY_ASSIGN(shared.rpc_metrics, rpc::Metrics::make(registry));
  FL_TRY_ASSIGN(shared.link_metrics, upstream::Metrics::make(registry));
  shared.transitions = gateway->parts_.transitions;
  shared.protection = gateway->parts_.protection;
  FL_TRY_ASSIGN(const std::shared_ptr<const internal::Rules> rules,
                gateway->rules_of(std::move(spec)));
  for (io::Core* core : gateway->parts_.cores) {
    FL_TRY_ASSIGN(auto worker, internal::Worker::make(*core, shared, rules));
    gateway->workers_.push_back(std::move(worker));
  }
  return gateway;
}

// With which services_ know what is routed.
Result<std::shared_ptr<const internal::Rules>> Gateway::rules_of(GatewaySpec spec) {
  FL_TRY_ASSIGN(internal::Metrics metrics, internal::Metrics::make(parts_.metrics, spec));
  for (auto& [name, known] : services_) known.routed = false;
  for (const RouteSpec& route : spec.routes) services_[route.service].routed = true;
  return std::make_shared<const internal::Rules>(std::move(spec), std::move(metrics));
}

template <class Function>
void Gateway::for_each_worker(Function function) {
  for (const auto& worker : workers_) {
    if (&worker->core() == &core_) {
      function(*worker);
    } else {
      worker->core().post([to = worker.get(), function] { function(*to); });
    }
  }
}

Status Gateway::update(GatewaySpec spec) {
  core_.assert_here();
  FL_TRY_ASSIGN(const std::shared_ptr<const internal::Rules> rules, rules_of(std::move(spec)));
  std::vector<std::pair<std::string, upstream::EndpointSnapshot>> told;
  for (const auto& [name, known] : services_) {
    if (known.routed && known.endpoints != nullptr) told.emplace_back(name, known.endpoints);
  }
  for_each_worker([rules, told](internal::Worker& worker) {
    worker.update(rules);
    for (const auto& [name, endpoints] : told) worker.update(name, endpoints);
  });
  return {};
}

std::vector<std::string> Gateway::services() const {
  std::vector<std::string> names;
  for (const auto& [name, known] : services_) {
    if (known.routed) names.push_back(name);
  }
  return names;
}

void Gateway::update(const std::string& service, const upstream::EndpointSnapshot& endpoints) {
  core_.assert_here();
  Known& known = services_[service];
  known.endpoints = endpoints;
  if (!known.routed) return;
  for_each_worker(
      [service, endpoints](internal::Worker& worker) { worker.update(service, endpoints); });
}

std::size_t Gateway::copies(std::string_view service) const {
  const auto found = services_.find(service);
  if (found == services_.end() || found->second.endpoints == nullptr) return 0;
  return found->second.endpoints->size();
}

Gateway::Links Gateway::links(std::size_t core) const {
  internal::Worker& worker = *workers_[core];
  worker.core().assert_here();
  Links out{.peer = worker.peer()};
  for (const auto& [name, service] : worker.services()) {
    out.services.emplace_back(name, service->endpoints());
  }
  return out;
}

bool Gateway::knows_all() const {
  return std::ranges::all_of(services_, [](const auto& each) {
    return !each.second.routed || each.second.endpoints != nullptr;
  });
}

internal::Worker& Gateway::worker_of(const io::Core& core) const {
  const auto found = std::ranges::find_if(
      workers_, [&core](const auto& worker) { return &worker->core() == &core; });
  FL_CHECK(found != workers_.end());
  return **found;
}

Result<io::Address> Gateway::listen() {
  core_.assert_here();
  const auto adopt = [this](io::Core& core, std::unique_ptr<io::Stream> stream) {
    worker_of(core).adopt(std::move(stream));
  };
  io::ListenOptions options{.cores = parts_.cores};
  if (parts_.protection != nullptr) {
    options.limits = &parts_.protection->connections();
    options.refuse = [this](io::Core& core, std::unique_ptr<io::Stream> stream) {
      worker_of(core).turn_away(std::move(stream));
    };
  }
  FL_TRY_ASSIGN(listener_, core_.listen(address_, std::move(options), adopt));
  drain_state_.enter(runtime::DrainState::Phase::kServing, "listening");
  return listener_->local();
}

Status Gateway::ready() const {
  if (closing_) return Status(Code::kOverloaded, "gateway.draining", "the gateway is ending");
  if (listener_ == nullptr) {
    return Status(Code::kOverloaded, "gateway.not_listening", "the gateway does not listen yet");
  }
  for (const auto& [name, known] : services_) {
    if (known.routed && copies(name) == 0) {
      return Status(Code::kNoEndpoint, "upstream.no_endpoint", "no copy of '" + name + "' lives");
    }
  }
  return {};
}

void Gateway::stop_accepting() {
  core_.assert_here();
  if (listener_ != nullptr) listener_->stop();
}

Task<void> Gateway::leave_worker(internal::Worker& worker, Deadline patience) {
  Task<Status> leaving = internal::run_on(core_, worker.core(),
                                          [&worker, patience] { return worker.leave(patience); });
  const Status left = co_await leaving;
  if (!left.ok()) FL_LOG(debug, "gateway.not_left", {"reason", left.reason()});
}

Task<Status> Gateway::leave(std::string_view why, Deadline patience) {
  core_.assert_here();
  closing_ = true;
  drain_state_.enter(runtime::DrainState::Phase::kNotice, why);
  for (const auto& worker : workers_) leavers_.spawn(leave_worker(*worker, patience));
  Status left =
      co_await leavers_.close(core_.timers(), Deadline());  // waits; nobody heeds its token
  co_return left;
}

Task<void> Gateway::close_worker(internal::Worker& worker, Deadline deadline, Status* drained) {
  Task<Status> closing = internal::run_on(core_, worker.core(),
                                          [&worker, deadline] { return worker.close(deadline); });
  Status closed = co_await closing;
  drain_state_.count_cut(worker.requests_cut());  // now, since another one may hang
  if (drained->ok()) *drained = std::move(closed);
}

// Whoever is connected already comes in: the cores accept in the first round of letters, and in the
// second those have arrived that they gave to each other.
Task<void> Gateway::close_listener() {
  if (listener_ == nullptr) co_return;
  listener_->stop();
  for (int round = 0; round < 2; ++round) {
    for (const auto& worker : workers_) {
      Task<Status> turning = internal::run_on(core_, worker->core(), take_turn);
      const Status turned = co_await turning;
      FL_CHECK(turned.ok());
    }
  }
  listener_.reset();
}

Task<Status> Gateway::close(Deadline deadline) {
  core_.assert_here();
  closing_ = true;
  co_await close_listener();
  drain_state_.enter(runtime::DrainState::Phase::kDraining, "listeners_closed");
  Status drained;
  for (const auto& worker : workers_) closers_.spawn(close_worker(*worker, deadline, &drained));
  Status closed = co_await closers_.close(core_.timers(), Deadline());
  if (drained.ok()) drained = std::move(closed);
  drain_state_.enter(runtime::DrainState::Phase::kClosing, drained.ok() ? "drained" : "bound");
  co_return drained;
}

}  // namespace fairlead::gateway
