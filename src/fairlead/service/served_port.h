// ServedPort: what stands behind one listener, on every core: the sessions of rpc, a server of
// HTTP, and the entrance that tells them apart where more than one protocol is spoken.
//
//   listener ─► accept() ─┬ one protocol ────────────────► Peer or http::Server, no byte awaited
//                         └ several ─► rpc::Entrance ─┬──► Peer
//                                                     └──► http::Server
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fairlead/http/server.h"
#include "fairlead/observe/line_gate.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/entrance.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/http_front.h"
#include "fairlead/service/http_setting.h"
#include "fairlead/service/network_spec.h"

namespace fairlead::service::internal {

// Connections that TLS ended: all are counted, and of each reason a line a minute is told.
struct TlsFailures {
  observe::Counter failed{};
  observe::LineGates lines{};
};

// What all ports of a process share; all of it outlives them.
struct PortParts {
  const std::vector<std::unique_ptr<rpc::Peer>>& peers;  // one per core, in the order of cores
  const io::TlsHolder* tls = nullptr;                    // null: no certificate
  observe::Registry& metrics;
  TlsFailures& tls_failures;
  const HttpSpec& http;
};

// Thread: made on one; what a core's part is asked and told on that core.
// Lifetime: close() of every core before destruction.
class ServedPort {
 public:
  // Without a part of any core. Errors: those of observe::Registry.
  static Result<std::unique_ptr<ServedPort>> make(ListenPlan plan, const PortParts& parts);

  // The part of core `index`, on it: it goes by the options that its peer has by then. Once, before
  // accept(). `undecided_max`: of the process; 0: 80 % of the limit of descriptors.
  // Errors: those of http::Server::make().
  Status open(std::size_t index, std::size_t undecided_max);
  void accept(io::Core& core, std::unique_ptr<io::Stream> stream);
  // For a connection that is over a limit: says so in the words of its protocol, and closes it.
  // Over TLS it is closed at once, since a handshake is the dearest thing to ask for.
  void refuse(io::Core& core, std::unique_ptr<io::Stream> stream);
  const ListenPlan& plan() const { return plan_; }
  // Core `index`, on it: other limits for connections that come from now on. `undecided_max`: as of
  // open(); times and sizes are those of the peer's options by now. Nothing without open().
  void update(std::size_t index, std::size_t undecided_max);

  // Answers of HTTP on core `index` say that their connection ends; all else goes on.
  void announce_close(std::size_t index);
  // No connection that has not said yet what it speaks, and none of HTTP, is on core `index`.
  bool quiet(std::size_t index) const;
  // Closes the connections of core `index` that have not said what they speak.
  Task<Status> close_entrance(std::size_t index, Deadline deadline);
  // Lets running requests of HTTP end and opens no more WebSockets.
  // Errors: those of http::Server::close().
  Task<Status> close_http(std::size_t index, Deadline deadline);
  // After the peer's close(), which sends WebSockets away when their calls have ended.
  // Errors: those of http::WebSocketHub::close().
  Task<Status> close_websockets(std::size_t index, Deadline deadline);

 private:
  struct Place {
    explicit Place(rpc::Peer& on) : peer(&on) {}

    rpc::Peer* peer;
    std::unique_ptr<HttpFront> front;         // null: HTTP is not spoken
    std::unique_ptr<http::Server> http;       // the same
    std::unique_ptr<rpc::Entrance> entrance;  // null: nothing to tell apart
  };

  const Place& place_of(const io::Core& core) const;
  ServedPort(ListenPlan plan, const PortParts& parts);
  Status make_http(Place& place);
  std::unique_ptr<rpc::Entrance> make_entrance(Place& place, std::size_t undecided_max) const;
  // What Entrance::update() looks at.
  rpc::EntranceOptions entrance_limits(const rpc::Peer& peer, std::size_t undecided_max) const;
  void accept_session(rpc::Peer& peer, std::unique_ptr<io::Stream> stream, io::TlsStream* tls,
                      const wire::Protocol& protocol) const;
  // `timeout`: of the handshake. `by`: whose connection it was.
  static void tell_tls_failure(TlsFailures& failures, const rpc::Peer& by, Duration timeout,
                               const io::Address& from, const Status& why);
  Duration handshake_timeout() const;

  const ListenPlan plan_;
  const io::TlsHolder* const tls_;
  TlsFailures& tls_failures_;
  const HttpSpec& http_;
  http::Metrics http_metrics_{};
  http::WebSocketMetrics socket_metrics_{};
  rpc::EntranceMetrics entrance_metrics_{};
  std::vector<std::unique_ptr<Place>> places_;  // one per core, in their order
};

}  // namespace fairlead::service::internal
