// Metrics of a process's peers: what happens on all of their sessions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::rpc {

// Why a connection ended; the first reason counts. Names: metrics.cc.
enum class LinkEnd : std::uint8_t {
  kUnknown,
  kOurs,        // this side closed it
  kPeer,        // the other side did
  kError,       // the system says so
  kProtocol,    // bytes that are no frame
  kLogin,       // refused, late or missing
  kPlugin,      // one refused it or ended it
  kSlowReader,  // the peer does not read
  kAge,         // limits.session_age
  kHeartbeat,   // the peer gives no sign of life
  kIdle,        // nothing passed for idle.both
  kTooManyPings,
  kTurnedAway,  // too many connections
  kSlowFrame,   // a frame came too slowly
  kCount
};
// "heartbeat"
std::string_view link_end_name(LinkEnd end);

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_rpc_<member>_total,
// and those that metrics.cc says.
struct Metrics {
  observe::Counter sessions_opened{};
  observe::Counter sessions_closed{};
  observe::Counter calls_sent{};
  observe::Counter calls_timed_out{};
  observe::Counter calls_received{};
  observe::Counter calls_failed{};     // answered with an error
  observe::Counter calls_refused{};    // answered with an error before any handler ran
  observe::Counter calls_cancelled{};  // by their callers, while the handler ran
  observe::Counter pushes_sent{};
  observe::Counter pushes_received{};
  observe::Counter pushes_failed{};      // no route, or the handler returned an error
  observe::Counter replies_late{};       // nobody waited any more
  observe::Counter output_lost_bytes{};  // written, and not sent when the connection was gone
  observe::Counter protocol_errors{};
  observe::Counter logins_refused{};  // also: late ones, and messages in the place of one
  // By LinkState, without dead; LinkEnd; IdleEvent::Kind.
  std::array<observe::Gauge, 2> links{};
  std::array<observe::Counter, static_cast<std::size_t>(LinkEnd::kCount)> links_closed{};
  std::array<observe::Counter, 3> idle_events{};
  observe::Counter heartbeats_sent{};
  observe::Counter heartbeats_missed{};
  observe::Histogram link_rtt{};
  // Of messages that outlive their connections: queued, writing, sent.
  std::array<observe::Gauge, 3> resend_queue{};
  // By ResendQueue::State, from kReplied on.
  std::array<observe::Counter, 8> resend_results{};
  observe::Counter resend_again{};    // attempts beyond the first
  observe::Counter resend_refused{};  // a full queue, or too late
  observe::Counter dedup_hits{};      // messages that came again

  // Errors: those of observe::Registry.
  static Result<Metrics> make(observe::Registry& registry);

 private:
  Status add_links(observe::Registry& registry);
  Status add_resend(observe::Registry& registry);
};

}  // namespace fairlead::rpc
