// Worker: the part of a gateway that lives on one core.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/gateway/metrics.h"
#include "fairlead/gateway/route_table.h"
#include "fairlead/gateway/spec.h"
#include "fairlead/http/server.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/router.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/upstream/dial_limits.h"
#include "fairlead/upstream/service.h"

namespace fairlead::gateway::internal {

// What the workers of a gateway share; once it is made, only the limits of dials count in it.
struct Shared {
  const rpc::Router router;  // empty: services call nothing here
  http::Metrics http_metrics{};
  rpc::Metrics rpc_metrics{};
  upstream::Metrics link_metrics{};
  observe::Transitions* transitions = nullptr;  // null: nobody hears of links' states
  runtime::Protection* protection = nullptr;    // null: connections are not bounded before
  const std::unique_ptr<upstream::DialLimits> dial_limits =
      std::make_unique<upstream::DialLimits>();
};

// What requests go by. It never changes: other rules are another object.
struct Rules {
  Rules(GatewaySpec of, Metrics counted)
      : spec(std::move(of)), routes(spec.routes), metrics(std::move(counted)) {}

  const GatewaySpec spec;
  const RouteTable routes;
  const Metrics metrics;
};

// Thread: its core; made before the core turns, or on it. Lifetime: `shared` outlives it; close()
// must have completed before destruction.
class Worker {
 public:
  // Errors: those of http::Server::make().
  static Result<std::unique_ptr<Worker>> make(io::Core& core, const Shared& shared,
                                              std::shared_ptr<const Rules> rules);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Serves a connection.
  void adopt(std::unique_ptr<io::Stream> stream) { http_->adopt(std::move(stream)); }
  // Says over a connection that there are too many, and closes it.
  void turn_away(std::unique_ptr<io::Stream> stream) { http_->turn_away(std::move(stream)); }
  // For requests that come from now on; those under way end by the rules by which they began.
  // Services that no route names any more have no copies, until update() tells some.
  void update(std::shared_ptr<const Rules> rules);
  // The living copies of `service`, which a route names.
  void update(const std::string& service, const upstream::EndpointSnapshot& endpoints);

  // Answers say that their connection closes; ends when none is left, or with `patience`.
  Task<Status> leave(Deadline patience);
  // Lets requests under way end until `deadline`, cuts off the rest, closes every connection.
  // Errors: kDeadlineExceeded `http.drain_cut` when something was cut off.
  Task<Status> close(Deadline deadline);

  // Requests that close() has cut off; after it.
  std::uint64_t requests_cut() const { return http_->requests_cut(); }

  io::Core& core() const { return core_; }
  // What is linked here. On its core.
  rpc::Peer& peer() { return peer_; }
  const std::unordered_map<std::string, std::unique_ptr<upstream::Service>>& services() const {
    return services_;
  }

 private:
  // The rules, with what they name here. A request keeps those by which it began.
  struct Ways {
    std::shared_ptr<const Rules> rules;
    std::vector<upstream::Service*> by_route;
  };

  Worker(io::Core& core, const Shared& shared);

  Task<Result<http::Response>> answer(http::Request& request);
  Task<http::Response> exchange(const http::Request& request, const Ways& ways,
                                const RouteTable::Match& match);

  io::Core& core_;
  const Shared& shared_;
  rpc::Peer peer_;
  upstream::DialLine dial_line_;
  // All that any rules have named: one that is out of use costs no connection, and is few bytes.
  std::unordered_map<std::string, std::unique_ptr<upstream::Service>> services_;
  std::shared_ptr<const Ways> ways_;
  std::unique_ptr<http::Server> http_;
};

}  // namespace fairlead::gateway::internal
