#include "fairlead/service/served_port.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/observe/log.h"
#include "fairlead/service/caller_identity.h"

namespace fairlead::service::internal {
namespace {

// 80 % of the descriptors that the system gives this process: a connection is one.
std::size_t descriptors_for_connections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1000;
  return std::min<std::size_t>(limit.rlim_cur, 10'000'000) / 10 * 8;
}

// One core's share of the undecided connections of the process; 0: of what the system gives.
std::size_t undecided_share(std::size_t process_max, std::size_t cores) {
  const std::size_t all = process_max != 0 ? process_max : descriptors_for_connections();
  return std::max<std::size_t>(1, all / cores);
}

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

}  // namespace

ServedPort::ServedPort(ListenPlan plan, const PortParts& parts)
    : plan_(std::move(plan)), tls_(parts.tls), tls_failures_(parts.tls_failures) {}

Result<std::unique_ptr<ServedPort>> ServedPort::make(ListenPlan plan, const PortParts& parts) {
  std::unique_ptr<ServedPort> port(new ServedPort(std::move(plan), parts));
  FL_TRY_ASSIGN(const http::Metrics http_metrics, http::Metrics::make(parts.metrics));
  FL_TRY_ASSIGN(const http::WebSocketMetrics socket_metrics,
                http::WebSocketMetrics::make(parts.metrics));
  FL_TRY_ASSIGN(const rpc::EntranceMetrics entrance_metrics,
                rpc::EntranceMetrics::make(parts.metrics));
  const std::size_t each = undecided_share(parts.undecided_max, parts.peers.size());
  for (const auto& peer : parts.peers) {
    FL_TRY(port->open(*peer, parts.http, http_metrics, socket_metrics, entrance_metrics, each));
  }
  return port;
}

Status ServedPort::open(rpc::Peer& peer, const HttpSpec& http, const http::Metrics& http_metrics,
                        const http::WebSocketMetrics& socket_metrics,
                        const rpc::EntranceMetrics& entrance_metrics, std::size_t undecided_max) {
  Place& place = *places_.emplace_back(std::make_unique<Place>());
  place.peer = &peer;
  if (plan_.has_http()) {
    http::ServerOptions options;
    options.connections_max = kNoLimit;  // io::ConnectionLimits has bounded them before
    options.metrics = http_metrics;
    options.any_host = http.any_host;
    options.on_failed = [failures = tls_failures_](const io::Address& from, const Status& why) {
      // HTTP says itself whether a message is whole, and many clients just hang up.
      if (!why.reason().starts_with("tls.") || why.reason() == "tls.truncated") return;
      tell_tls_failure(failures, from, why);
    };
    FL_TRY_ASSIGN(place.front, HttpFront::make(peer, plan_, http, socket_metrics));
    FL_TRY_ASSIGN(place.http, http::Server::make(peer.core(), options, *place.front));
  }
  if (plan_.detects()) place.entrance = make_entrance(place, entrance_metrics, undecided_max);
  return {};
}

// Who says nothing may stay, as an idle session may; but for who must log in, or asks over HTTP.
Duration ServedPort::first_byte_timeout(const rpc::Peer& peer) const {
  if (plan_.called_by() == nullptr) return rpc::EntranceOptions().head_timeout;
  return peer.router().login() != nullptr ? peer.options().login_timeout : Duration::zero();
}

void ServedPort::update(std::size_t index, std::size_t undecided_max) {
  const Place& place = *places_[index];
  if (place.entrance == nullptr) return;
  place.entrance->update(undecided_share(undecided_max, places_.size()),
                         first_byte_timeout(*place.peer));
}

std::unique_ptr<rpc::Entrance> ServedPort::make_entrance(Place& place, rpc::EntranceMetrics metrics,
                                                         std::size_t undecided_max) const {
  rpc::Peer& peer = *place.peer;
  http::Server* const http = place.http.get();
  const rpc::EntranceOptions options{.frames = plan_.frames,
                                     .thrift = plan_.thrift,
                                     .http = plan_.has_http(),
                                     .erpc_http = plan_.erpc_http,
                                     .tls = plan_.where.tls || plan_.tls_too ? tls_ : nullptr,
                                     .tls_only = plan_.where.tls,
                                     .undecided_max = undecided_max,
                                     .first_byte_timeout = first_byte_timeout(peer),
                                     .metrics = metrics};
  return std::make_unique<rpc::Entrance>(
      peer.core(), options,
      rpc::Entrance::Doors{
          .rpc =
              [this, &peer](std::unique_ptr<io::Stream> stream, io::TlsStream* tls,
                            const wire::Protocol& protocol) {
                accept_session(peer, std::move(stream), tls, protocol);
              },
          .http =
              [http](std::unique_ptr<io::Stream> stream, io::TlsStream*,
                     std::optional<Time> head_began) {
                http->adopt(std::move(stream), head_began);
              },
          .turned_away =
              [http, &peer](std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol) {
                if (protocol != nullptr) return peer.turn_away(std::move(stream), protocol);
                http->turn_away(std::move(stream));
              },
          .tls_failed = [this](const io::Address& from,
                               const Status& why) { tell_tls_failure(tls_failures_, from, why); }});
}

const ServedPort::Place& ServedPort::place_of(const io::Core& core) const {
  const auto found = std::ranges::find_if(
      places_, [&core](const auto& each) { return &each->peer->core() == &core; });
  FL_CHECK(found != places_.end());
  return **found;
}

void ServedPort::refuse(io::Core& core, std::unique_ptr<io::Stream> stream) {
  const Place& place = place_of(core);
  if (plan_.where.tls) return core.dispose(std::move(stream));
  if (place.entrance != nullptr) return place.entrance->turn_away(std::move(stream));
  if (plan_.has_http()) return place.http->turn_away(std::move(stream));
  place.peer->turn_away(std::move(stream), plan_.called_by());
}

void ServedPort::accept(io::Core& core, std::unique_ptr<io::Stream> stream) {
  const Place& place = place_of(core);
  if (place.entrance != nullptr) return place.entrance->accept(std::move(stream));
  io::TlsStream* tls = nullptr;
  if (plan_.where.tls) {
    auto wrapped = io::tls_wrap(core, std::move(stream), tls_->current());
    tls = wrapped.get();
    stream = std::move(wrapped);
  }
  if (plan_.has_http()) return place.http->adopt(std::move(stream));
  accept_session(*place.peer, std::move(stream), tls, *plan_.called_by());
}

void ServedPort::accept_session(rpc::Peer& peer, std::unique_ptr<io::Stream> stream,
                                io::TlsStream* tls, const wire::Protocol& protocol) const {
  rpc::Session& session = peer.accept(std::move(stream), &protocol);
  if (tls == nullptr) return;
  if (tls->established()) {
    remember_caller(session.values(), tls->info());
  } else {  // the stream lives as long as its session
    tls->on_established([&session, tls] { remember_caller(session.values(), tls->info()); });
  }
  // The counter is copied: the session may outlive this port by its last turn.
  session.on_closed([failures = tls_failures_](rpc::Session& closed, const Status& why) {
    if (why.reason().starts_with("tls.")) tell_tls_failure(failures, closed.peer_address(), why);
  });
}

void ServedPort::tell_tls_failure(const observe::Counter& failures, const io::Address& peer,
                                  const Status& why) {
  failures.add();
  FL_LOG(info, "service.tls_failed", {"peer", peer.to_text()}, {"reason", why.reason()},
         {"message", why.message()});
}

void ServedPort::announce_close(std::size_t index) {
  if (places_[index]->http != nullptr) places_[index]->http->announce_close();
}

bool ServedPort::quiet(std::size_t index) const {
  const Place& place = *places_[index];
  return (place.entrance == nullptr || place.entrance->undecided() == 0) &&
         (place.http == nullptr || place.http->connections() == 0);
}

Task<Status> ServedPort::close_entrance(std::size_t index, Deadline deadline) {
  if (places_[index]->entrance == nullptr) co_return Status();
  co_return co_await places_[index]->entrance->close(deadline);
}

Task<Status> ServedPort::close_http(std::size_t index, Deadline deadline) {
  Place& place = *places_[index];
  if (place.http == nullptr) co_return Status();
  place.front->stop();
  co_return co_await place.http->close(deadline);
}

Task<Status> ServedPort::close_websockets(std::size_t index, Deadline deadline) {
  if (places_[index]->front == nullptr) co_return Status();
  co_return co_await places_[index]->front->close(deadline);
}

}  // namespace fairlead::service::internal
