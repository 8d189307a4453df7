#include "fairlead/gateway/worker.h"

#include <algorithm>
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

}  // namespace

Worker::Worker(io::Core& core, const Shared& shared)
    : core_(core), shared_(shared), peer_(core, shared.router, {}, shared.rpc_metrics) {
  for (const RouteSpec& route : shared.spec.routes) {
    std::unique_ptr<upstream::Service>& service = services_[route.service];
    if (service == nullptr) service = std::make_unique<upstream::Service>(peer_, route.service);
    by_route_.push_back(service.get());
  }
}

Result<std::unique_ptr<Worker>> Worker::make(io::Core& core, const Shared& shared) {
  std::unique_ptr<Worker> worker(new Worker(core, shared));
  const http::ServerOptions options{
      .body_bytes_max = static_cast<std::size_t>(shared.spec.body_bytes_max),
      .metrics = shared.http_metrics};
  const auto answer = [self = worker.get()](http::Request& request) {
    return self->answer(request);
  };
  FL_TRY_ASSIGN(worker->http_, http::Server::make(core, options, answer));
  return worker;
}

void Worker::update(const std::string& service, const upstream::EndpointSnapshot& endpoints) {
  const auto found = services_.find(service);
  if (found != services_.end()) found->second->update(endpoints);
}

Task<Result<http::Response>> Worker::answer(http::Request& request) {
  const Time started = core_.now();
  RouteTable::Match match;
  const RouteSpec* const route = shared_.routes.find(request.path, match);
  http::Response response;
  if (request.method == "OPTIONS" && (route != nullptr || request.path == "*")) {
    response = options_response();
  } else if (route == nullptr) {
    response = refuse(no_route(request.path), request.id);
  } else {
    http::Response exchanged = co_await exchange(request, match);
    response = std::move(exchanged);
  }
  response.fields.set("X-Request-Id", request.id);
  const RouteMetrics& metrics =
      route == nullptr ? shared_.metrics.unrouted : shared_.metrics.routes[match.route];
  metrics.count(response.status, core_.now() - started);
  co_return response;
}

Task<http::Response> Worker::exchange(const http::Request& request,
                                      const RouteTable::Match& match) {
  const Duration timeout = shared_.spec.timeout;
  Result<upstream::RawRequest> call = to_call(request, match.method, timeout);
  if (!call.ok()) co_return refuse(call.status(), request.id);
  upstream::Service& service = *by_route_[match.route];
  Task<upstream::Answer> asking =
      service.ask(std::move(*call), core_.deadline_after(timeout), request.cancelled);
  const upstream::Answer answer = co_await asking;
  if (!answer.reply.ok()) {
    co_return refuse(answer.reply.status(), request.id, answer.error_metadata);
  }
  co_return to_response(*answer.reply);
}

http::Response Worker::refuse(const Status& status, std::string_view request_id,
                              std::string_view metadata) const {
  http::Response response =
      http::problem_response(status, request_id, {.style = shared_.spec.status_style});
  if (response.status == 405) response.fields.set("Allow", kAllowedMethods);
  if (response.status == 415) rpc::append_accepted(response.fields, status, kMediaTypes);
  rpc::append_error_fields(response.fields, response.status, metadata);
  return response;
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
