#include "fairlead/service/served_port.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <optional>
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
    : plan_(std::move(plan)),
      tls_(parts.tls),
      tls_failures_(parts.tls_failures),
      http_(parts.http) {
  for (const auto& peer : parts.peers) places_.push_back(std::make_unique<Place>(*peer));
}

Result<std::unique_ptr<ServedPort>> ServedPort::make(ListenPlan plan, const PortParts& parts) {
  std::unique_ptr<ServedPort> port(new ServedPort(std::move(plan), parts));
  FL_TRY_ASSIGN(port->http_metrics_, http::Metrics::make(parts.metrics));
  FL_TRY_ASSIGN(port->socket_metrics_, http::WebSocketMetrics::make(parts.metrics));
  FL_TRY_ASSIGN(port->entrance_metrics_, rpc::EntranceMetrics::make(parts.metrics));
  return port;
}

Status ServedPort::open(std::size_t index, std::size_t undecided_max) {
  Place& place = *places_[index];
  place.peer->core().assert_here();
  if (plan_.has_http()) FL_TRY(make_http(place));
  if (plan_.detects()) {
    place.entrance = make_entrance(place, undecided_share(undecided_max, places_.size()));
  }
  return {};
}

Status ServedPort::make_http(Place& place) {
  rpc::Peer& peer = *place.peer;
  http::ServerOptions options;
  options.connections_max = kNoLimit;  // io::ConnectionLimits has bounded them before
  options.metrics = http_metrics_;
  options.any_host = http_.any_host;
  options.on_failed = [this, &peer](const io::Address& from, const Status& why) {
    // HTTP says itself whether a message is whole, and many clients just hang up.
    if (!why.reason().starts_with("tls.") || why.reason() == "tls.truncated") return;
    tell_tls_failure(tls_failures_, peer, handshake_timeout(), from, why);
  };
  FL_TRY_ASSIGN(place.front, HttpFront::make(peer, plan_, http_, socket_metrics_));
  FL_TRY_ASSIGN(place.http, http::Server::make(peer.core(), options, *place.front));
  return {};
}

// Who says nothing may stay as long as an idle session may; but for who must log in, or asks over
// HTTP.
rpc::EntranceOptions ServedPort::entrance_limits(const rpc::Peer& peer,
                                                 std::size_t undecided_max) const {
  rpc::EntranceOptions options{.undecided_max = undecided_max,
                               .silence_max = peer.options().idle.both,
                               .frame_time_max = peer.guards().frame_time_max};
  if (plan_.called_by() == nullptr)
    options.first_byte_timeout = options.head_timeout;
  else if (peer.router().login() != nullptr)
    options.first_byte_timeout = peer.options().login_timeout;
  return options;
}

void ServedPort::update(std::size_t index, std::size_t undecided_max) {
  const Place& place = *places_[index];
  if (place.front != nullptr) place.front->update();
  if (place.entrance == nullptr) return;
  place.entrance->update(
      entrance_limits(*place.peer, undecided_share(undecided_max, places_.size())));
}

// Of the connections that come now; one under way may have been given another one.
Duration ServedPort::handshake_timeout() const { return tls_->current()->handshake_timeout(); }

std::unique_ptr<rpc::Entrance> ServedPort::make_entrance(Place& place,
                                                         std::size_t undecided_max) const {
  rpc::Peer& peer = *place.peer;
  http::Server* const http = place.http.get();
  rpc::EntranceOptions options = entrance_limits(peer, undecided_max);
  options.frames = plan_.frames;
  options.thrift = plan_.thrift;
  options.http = plan_.has_http();
  options.erpc_http = plan_.erpc_http;
  options.tls = plan_.where.tls || plan_.tls_too ? tls_ : nullptr;
  options.tls_only = plan_.where.tls;
  options.bounds = peer.options().bounds;
  options.metrics = entrance_metrics_;
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
          .tls_failed =
              [this, &peer](const io::Address& from, const Status& why) {
                tell_tls_failure(tls_failures_, peer, handshake_timeout(), from, why);
              }});
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
  // Without `this`: the session may outlive this port by its last turn.
  session.on_closed([&failures = tls_failures_, timeout = handshake_timeout()](rpc::Session& closed,
                                                                               const Status& why) {
    if (!why.reason().starts_with("tls.")) return;
    tell_tls_failure(failures, closed.peer(), timeout, closed.peer_address(), why);
  });
}

void ServedPort::tell_tls_failure(TlsFailures& failures, const rpc::Peer& by, Duration timeout,
                                  const io::Address& from, const Status& why) {
  failures.failed.add();
  const Time now = by.core().now();
  observe::Bounds* const bounds = by.options().bounds;
  if (why.reason() == "tls.timeout" && bounds != nullptr) {
    bounds->hit(observe::Bound::kHandshake,
                static_cast<std::uint64_t>(timeout / std::chrono::milliseconds(1)), now);
  }
  const std::optional<std::uint64_t> times = failures.lines.pass(why.reason(), now);
  if (!times.has_value()) return;
  FL_LOG(info, "service.tls_failed", {"peer", from.to_text()}, {"reason", why.reason()},
         {"message", why.message()}, {"times", *times});
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
