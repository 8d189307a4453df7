// Gateway: HTTP in front of services. Routes lead requests to calls, and the replies back.
//
//   client ─► core's http::Server ─► RouteTable ─► conversion ─► upstream::Service ─► service
//                                                                       ▲
//             registry ─► first core ─► update() ─► every core ─────────┘
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/async/scope.h"
#include "fairlead/base/result.h"
#include "fairlead/gateway/spec.h"
#include "fairlead/io/core.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/runtime/drain_state.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/upstream/endpoint.h"
#include "fairlead/upstream/service.h"

namespace fairlead::gateway {

namespace internal {
struct Rules;
struct Shared;
class Worker;
}  // namespace internal

// Besides its spec. All of it outlives the cores, and the cores outlive the gateway.
struct GatewayParts {
  std::vector<io::Core*> cores{};  // that serve connections; not empty. Listens on the first one
  observe::Registry& metrics;
  observe::Transitions* transitions = nullptr;  // hears of links' states; null: nobody does
  runtime::Protection* protection = nullptr;    // counts and bounds connections; null: nobody does
};

// Thread:   the first core, where every method is called; made before the cores turn.
// Lifetime: the cores outlive it; close() must have completed before destruction, which may be on
//           any thread once the cores have stopped.
class Gateway {
 public:
  // Errors: those of observe::Registry (a gateway's metrics exist once in a registry) and of
  //         http::Server::make().
  static Result<std::unique_ptr<Gateway>> make(GatewaySpec spec, GatewayParts parts);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  // Other rules, for requests that come from now on: `timeout`, `body_bytes_max`, `status_style`
  // and `routes`; the rest of `spec` is not looked at. Who calls it follows services() anew.
  // Errors: those of observe::Registry; nothing has changed then.
  Status update(GatewaySpec spec);

  // The services that routes lead to, each once. Somebody follows them in the registry and tells
  // update(): until the first time, requests wait. One that no route names any more may go on
  // being told; it is remembered.
  std::vector<std::string> services() const;
  // The living copies of `service` are now these.
  void update(const std::string& service, const upstream::EndpointSnapshot& endpoints);
  // How many copies the last update() of `service` told.
  std::size_t copies(std::string_view service) const;

  // Every service was told once, be it without copies: who takes another gateway's place waits for
  // that, or its first requests would find nothing.
  bool knows_all() const;

  // Opens the address of the spec; gives the one really bound. Errors: io::Core::listen()'s.
  Result<io::Address> listen();
  // What is linked on one of the cores, each service with its copies. On that core.
  struct Links {
    rpc::Peer& peer;
    std::vector<std::pair<std::string, std::vector<upstream::EndpointView>>> services{};
  };
  Links links(std::size_t core) const;

  // OK while the gateway takes requests and knows a copy of every service.
  // Errors: kOverloaded `gateway.draining`, `gateway.not_listening`,
  //         kNoEndpoint `upstream.no_endpoint`.
  Status ready() const;

  // How far it is, and how many requests close() has cut off. Thread: any.
  const runtime::DrainState& drain_state() const { return drain_state_; }

  // Takes no new connections from now on, all else as before: where what this gateway listens on is
  // another process's, which serves there. Before leave().
  void stop_accepting();

  // Answers say from now on that their connection closes, and all go on being served. Ends when
  // nobody is connected any more, or with `patience`: whoever sends requests has left by itself.
  // Once, before close(). `why`: "stop", "upgrade".
  Task<Status> leave(std::string_view why, Deadline patience);

  // Takes no new connections, lets requests under way end until `deadline`, cuts off the rest.
  // Errors: kDeadlineExceeded `http.drain_cut` when something was cut off.
  Task<Status> close(Deadline deadline);

 private:
  // What is known of a service that a route names, or has named.
  struct Known {
    upstream::EndpointSnapshot endpoints{};  // null: not told yet
    bool routed = false;
  };

  Gateway(io::Address listen, GatewayParts parts);
  internal::Worker& worker_of(const io::Core& core) const;

  Result<std::shared_ptr<const internal::Rules>> rules_of(GatewaySpec spec);
  // Calls `function` with each worker, on its core.
  template <class Function>
  void for_each_worker(Function function);
  Task<void> close_listener();
  Task<void> leave_worker(internal::Worker& worker, Deadline patience);
  Task<void> close_worker(internal::Worker& worker, Deadline deadline, Status* drained);

  const GatewayParts parts_;
  io::Core& core_;
  const io::Address address_;
  const std::unique_ptr<internal::Shared> shared_;
  std::vector<std::unique_ptr<internal::Worker>> workers_;  // one per core
  std::map<std::string, Known, std::less<>> services_;
  std::unique_ptr<io::Listener> listener_;
  bool closing_ = false;
  runtime::DrainState drain_state_;
  Scope leavers_;
  Scope closers_;
};

}  // namespace fairlead::gateway
