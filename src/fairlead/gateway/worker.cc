#include "fairlead/gateway/worker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/gateway/conversion.h"
#include "fairlead/http/problem.h"
#include "fairlead/rpc/http_mapping.h"

namespace fairlead::gateway::internal {

namespace {

// What closing the connections to services may take once no request is under way.
constexpr Duration kUpstreamCloseTime = std::chrono::seconds(1);

Status no_route(std::string_view path) {
  return Status(Code::kNotFound, "gateway.no_route", "no route for " + escape_text(path));
}

http::Response options_response() {
  http::Response response;
  response.status = 204;
  response.fields.add("Allow", kAllowedMethods);
  return response;
}

http::Response refuse(const GatewaySpec& spec, const Status& status, std::string_view request_id,
                      std::string_view metadata = {}) {
  http::Response response =
      http::problem_response(status, request_id, {.style = spec.status_style});
  if (response.status == 405) response.fields.set("Allow", kAllowedMethods);
  if (response.status == 415) rpc::append_accepted(response.fields, status, kMediaTypes);
  rpc::append_error_fields(response.fields, response.status, metadata);
  return response;
}

// Links to services are those of any program of ours: they say hello, so that a service that goes
// away or is upgraded is left in time, and silent ones are found.
rpc::PeerOptions peer_options(const Shared& shared) {
  return {.hello = true,
          .heartbeat = rpc::kUsualHeartbeat,
          .idle = rpc::kUsualIdle,
          .bounds = shared.protection == nullptr ? nullptr : &shared.protection->bounds(),
          .transitions = shared.transitions};
}

http::ServerOptions http_options(const Shared& shared) {
  http::ServerOptions options{.metrics = shared.http_metrics};
  if (shared.protection != nullptr) {  // io::ConnectionLimits has bounded them before
    options.connections_max = std::numeric_limits<std::size_t>::max();
  }
  return options;
}

}  // namespace

Worker::Worker(io::Core& core, const Shared& shared)
    : core_(core),
      shared_(shared),
      peer_(core, shared.router, peer_options(shared), shared.rpc_metrics),
      dial_line_(core, *shared.dial_limits) {}

Result<std::unique_ptr<Worker>> Worker::make(io::Core& core, const Shared& shared,
                                             std::shared_ptr<const Rules> rules) {
  std::unique_ptr<Worker> worker(new Worker(core, shared));
  const auto answer = [self = worker.get()](http::Request& request) {
    return self->answer(request);
  };
  FL_TRY_ASSIGN(worker->http_, http::Server::make(core, http_options(shared), answer));
  worker->update(std::move(rules));
  return worker;
}

void Worker::update(std::shared_ptr<const Rules> rules) {
  http_->set_body_bytes_max(static_cast<std::size_t>(rules->spec.body_bytes_max));
  auto ways = std::make_shared<Ways>();
  for (const RouteSpec& route : rules->routes.routes()) {
    std::unique_ptr<upstream::Service>& service = services_[route.service];
    if (service == nullptr) {
      service = std::make_unique<upstream::Service>(
          peer_, route.service,
          upstream::ServiceOptions{.line = &dial_line_, .metrics = shared_.link_metrics});
    }
    ways->by_route.push_back(service.get());
  }
  ways->rules = std::move(rules);
  ways_ = std::move(ways);
  for (const auto& [name, service] : services_) {
    if (std::ranges::find(ways_->by_route, service.get()) != ways_->by_route.end()) continue;
    service->update(std::make_shared<const upstream::EndpointSet>());
  }
}

void Worker::update(const std::string& service, const upstream::EndpointSnapshot& endpoints) {
  const auto found = services_.find(service);
  if (found != services_.end()) found->second->update(endpoints);
}

Task<Result<http::Response>> Worker::answer(http::Request& request) {
  const Time started = core_.now();
  const std::shared_ptr<const Ways> ways = ways_;
  const Rules& rules = *ways->rules;
  RouteTable::Match match;
  const RouteSpec* const route = rules.routes.find(request.path, match);
  http::Response response;
  if (request.method == "OPTIONS" && (route != nullptr || request.path == "*")) {
    response = options_response();
  } else if (route == nullptr) {
    response = refuse(rules.spec, no_route(request.path), request.id);
  } else {
    http::Response exchanged = co_await exchange(request, *ways, match);
    response = std::move(exchanged);
  }
  response.fields.set("X-Request-Id", request.id);
  const RouteMetrics& metrics =
      route == nullptr ? rules.metrics.unrouted : rules.metrics.routes[match.route];
  metrics.count(response.status, core_.now() - started);
  co_return response;
}

Task<http::Response> Worker::exchange(const http::Request& request, const Ways& ways,
                                      const RouteTable::Match& match) {
  const GatewaySpec& spec = ways.rules->spec;
  const Duration timeout = spec.timeout;
  Result<upstream::RawRequest> call = to_call(request, match.method, timeout);
  if (!call.ok()) co_return refuse(spec, call.status(), request.id);
  upstream::Service& service = *ways.by_route[match.route];
  Task<upstream::Answer> asking =
      service.ask(std::move(*call), core_.deadline_after(timeout), request.cancelled);
  const upstream::Answer answer = co_await asking;
  if (!answer.reply.ok()) {
    co_return refuse(spec, answer.reply.status(), request.id, answer.error_metadata);
  }
  co_return to_response(*answer.reply);
}

Task<Status> Worker::leave(Deadline patience) {
  http_->announce_close();
  while (http_->connections() > 0 && !patience.passed(core_.now())) {
    Status slept =
        co_await Sleep(core_.timers(), core_.deadline_after(std::chrono::milliseconds(10)));
    if (!slept.ok()) co_return slept;
  }
  co_return Status();
}

Task<Status> Worker::close(Deadline deadline) {
  Status drained = co_await http_->close(deadline);
  while (drained.reason() == "wait.deadline") {
    // A call that does not heed its token would be a bug; it ends at its own deadline.
    drained = co_await http_->close(core_.deadline_after(kUpstreamCloseTime));
  }
  for (const auto& [name, service] : services_) {
    Task<Status> closing = service->close(core_.deadline_after(kUpstreamCloseTime));
    Status closed = co_await closing;
    if (drained.ok()) drained = std::move(closed);
  }
  Status closed = co_await peer_.close(core_.deadline_after(kUpstreamCloseTime));
  if (drained.ok()) drained = std::move(closed);
  co_return drained;
}

}  // namespace fairlead::gateway::internal
