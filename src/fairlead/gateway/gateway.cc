#include "fairlead/gateway/gateway.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/gateway/across_cores.h"
#include "fairlead/gateway/worker.h"
#include "fairlead/observe/log.h"

namespace fairlead::gateway {

Gateway::Gateway(GatewaySpec spec, std::vector<io::Core*> cores)
    : core_(*cores.front()),
      shared_(std::make_unique<internal::Shared>(std::move(spec))),
      cores_(std::move(cores)) {
  for (const RouteSpec& route : shared_->spec.routes) copies_.try_emplace(route.service);
}

Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::make(GatewaySpec spec, std::vector<io::Core*> cores,
                                               observe::Registry& registry) {
  FL_CHECK(!cores.empty());
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(spec), std::move(cores)));
  internal::Shared& shared = *gateway->shared_;
  FL_TRY_ASSIGN(shared.metrics, internal::Metrics::make(registry, shared.spec));
  FL_TRY_ASSIGN(shared.http_metrics, http::Metrics::make(registry));
  FL_TRY_ASSIGN(shared.rpc_metrics, rpc::Metrics::make(registry));
  for (io::Core* core : gateway->cores_) {
    FL_TRY_ASSIGN(auto worker, internal::Worker::make(*core, shared));
    gateway->workers_.push_back(std::move(worker));
  }
  return gateway;
}

std::vector<std::string> Gateway::services() const {
  std::vector<std::string> names;
  for (const auto& [name, copies] : copies_) names.push_back(name);
  return names;
}

void Gateway::update(const std::string& service, const upstream::EndpointSnapshot& endpoints) {
  core_.assert_here();
  copies_[service] = endpoints->size();
  for (const auto& worker : workers_) {
    if (&worker->core() == &core_) {
      worker->update(service, endpoints);
    } else {
      worker->core().post(
          [to = worker.get(), service, endpoints] { to->update(service, endpoints); });
    }
  }
}

std::size_t Gateway::copies(std::string_view service) const {
  const auto found = copies_.find(service);
  return found == copies_.end() ? 0 : found->second.value_or(0);
}

bool Gateway::knows_all() const {
  return std::ranges::all_of(copies_, [](const auto& each) { return each.second.has_value(); });
}

Result<io::Address> Gateway::listen() {
  core_.assert_here();
  const auto adopt = [this](io::Core& core, std::unique_ptr<io::Stream> stream) {
    for (const auto& worker : workers_) {
      if (&worker->core() == &core) return worker->adopt(std::move(stream));
    }
  };
  FL_TRY_ASSIGN(listener_, core_.listen(shared_->spec.listen, {.cores = cores_}, adopt));
  return listener_->local();
}

Status Gateway::ready() const {
  if (closing_) return Status(Code::kOverloaded, "gateway.draining", "the gateway is ending");
  if (listener_ == nullptr) {
    return Status(Code::kOverloaded, "gateway.not_listening", "the gateway does not listen yet");
  }
  for (const auto& [name, copies] : copies_) {
    if (copies.value_or(0) == 0) {
      return Status(Code::kNoEndpoint, "upstream.no_endpoint", "no copy of '" + name + "' lives");
    }
  }
  return {};
}

Task<void> Gateway::leave_worker(internal::Worker& worker, Deadline patience) {
  Task<Status> leaving = internal::run_on(core_, worker.core(),
                                          [&worker, patience] { return worker.leave(patience); });
  const Status left = co_await leaving;
  if (!left.ok()) FL_LOG(debug, "gateway.not_left", {"reason", left.reason()});
}

Task<Status> Gateway::leave(Deadline patience) {
  core_.assert_here();
  closing_ = true;
  for (const auto& worker : workers_) leavers_.spawn(leave_worker(*worker, patience));
  Status left =
      co_await leavers_.close(core_.timers(), Deadline());  // waits; nobody heeds its token
  co_return left;
}

Task<void> Gateway::close_worker(internal::Worker& worker, Deadline deadline, Status* drained) {
  Task<Status> closing = internal::run_on(core_, worker.core(),
                                          [&worker, deadline] { return worker.close(deadline); });
  Status closed = co_await closing;
  if (drained->ok()) *drained = std::move(closed);
}

Task<Status> Gateway::close(Deadline deadline) {
  core_.assert_here();
  closing_ = true;
  listener_.reset();
  Status drained;
  for (const auto& worker : workers_) closers_.spawn(close_worker(*worker, deadline, &drained));
  Status closed = co_await closers_.close(core_.timers(), Deadline());
  if (drained.ok()) drained = std::move(closed);
  co_return drained;
}

}  // namespace fairlead::gateway
