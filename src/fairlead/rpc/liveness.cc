#include "fairlead/rpc/liveness.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "fairlead/rpc/spread.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

Status bad_option(std::string_view what) {
  return Status(Code::kInvalidOperation, "peer.bad_option", what);
}

}  // namespace

Status HeartbeatOptions::validate() const {
  if (interval <= Duration::zero()) return bad_option("heartbeat.interval must be more than zero");
  if (timeout <= Duration::zero()) return bad_option("heartbeat.timeout must be more than zero");
  if (miss_max < 1 || miss_max > 100) return bad_option("heartbeat.miss_max must be 1 to 100");
  if (mode == HeartbeatMode::kPingPing && miss_max < 2) {
    return bad_option(
        "heartbeat.miss_max must be at least 2 with ping_ping: nothing may come for one interval "
        "from a peer that is well");
  }
  if (fast_probe < Duration::zero()) return bad_option("heartbeat.fast_probe must not be negative");
  if (interval_min <= Duration::zero()) {
    return bad_option("heartbeat.interval_min must be more than zero");
  }
  return {};
}

Status IdleOptions::validate() const {
  if (std::min({read, write, both}) >= Duration::zero()) return {};
  return bad_option("idle.read, idle.write and idle.both must not be negative");
}

std::string_view link_state_name(LinkState state) {
  switch (state) {
    case LinkState::kAlive:
      return "alive";
    case LinkState::kSuspect:
      return "suspect";
    case LinkState::kDead:
      return "dead";
  }
  return {};
}

namespace internal {

Liveness::Look Liveness::look(const Rules& rules, const Link& link) {
  Look out{.before = state_};
  const bool has_written = link.written != written_;
  if (has_written) wrote(link.now, link.written);
  look_for_misses(rules, link, out);
  out.state = state_;
  if (state_ == LinkState::kDead) return out;
  look_for_pings(rules, link, out);
  look_for_idle(rules, link, out);
  // Who writes is looked at more often, since when it wrote is not noted anywhere.
  if (has_written) out.next = std::min(out.next, link.now + write_precision(rules));
  if (out.ping) {  // missed, or answered long ago
    const HeartbeatOptions& heartbeat = rules.heartbeat;
    out.next = std::min(out.next, link.now + std::min(heartbeat.timeout, heartbeat.interval));
  }
  out.next = std::max(out.next, link.now + 1ms);
  return out;
}

// The rows of a byte that was read, a PING that was missed, and a silence that is too long.
void Liveness::look_for_misses(const Rules& rules, const Link& link, Look& out) {
  if (link.read_at > ping_at_) {
    awaits_answer_ = false;
    missed_ = 0;
    state_ = LinkState::kAlive;
  }
  const HeartbeatOptions& heartbeat = rules.heartbeat;
  const auto count_to = [&](std::int64_t count) {
    const auto missed =
        static_cast<std::uint8_t>(std::min<std::int64_t>(count, heartbeat.miss_max));
    if (missed <= missed_) return;
    out.missed = 1;
    missed_ = missed;
    state_ = missed_ >= heartbeat.miss_max ? LinkState::kDead : LinkState::kSuspect;
  };
  if (awaits_answer_) {
    if (link.now >= ping_at_ + heartbeat.timeout) {
      awaits_answer_ = false;
      count_to(missed_ + 1);
      out.ping = out.asks = state_ == LinkState::kSuspect;
    } else {
      out.next = std::min(out.next, ping_at_ + heartbeat.timeout);
    }
  } else if (heartbeat.mode == HeartbeatMode::kPingPing && rules.may_ping) {
    // One interval may pass between two PINGs of a peer that is well.
    const auto silent = (link.now - link.read_at) / heartbeat.interval;
    if (silent >= 2) count_to(silent);
    out.next = std::min(out.next, link.read_at + heartbeat.interval * (silent + 1));
  }
  if (peer_rate_ms_ != 0) {
    const Time due =
        std::max(link.read_at, written_at_) + 2 * std::chrono::milliseconds(peer_rate_ms_);
    if (link.now >= due) state_ = LinkState::kDead;
    out.next = std::min(out.next, due);
  }
}

void Liveness::look_for_pings(const Rules& rules, const Link& link, Look& out) const {
  const HeartbeatOptions& heartbeat = rules.heartbeat;
  if (heartbeat.mode == HeartbeatMode::kOff || !rules.may_ping || awaits_answer_ || out.ping)
    return;
  const bool ping_ping = heartbeat.mode == HeartbeatMode::kPingPing;
  const bool has_pinged = ping_at_ != Time::min();
  // What is sent here is no repeat of one that was missed, so it keeps the gap, whatever is due.
  const Time earliest = has_pinged ? ping_at_ + gap(rules) : Time::min();
  const auto is_due = [&](Time wanted) {
    const Time due = std::max(wanted, earliest);
    if (link.now >= due) return true;
    out.next = std::min(out.next, due);
    return false;
  };
  const Time pinged = has_pinged ? ping_at_ : link.read_at;
  if (call_since_ != Time::max() && heartbeat.fast_probe > 0ns) {
    const Time since = std::max({link.read_at, call_since_, ping_ping ? pinged : link.read_at});
    if (is_due(since + heartbeat.fast_probe)) out.ping = out.asks = true;
  }
  const Time silent_since = ping_ping ? std::max(link.read_at, pinged) : link.read_at;
  Time due = silent_since + interval(rules);
  if (promises_anew_ && has_pinged) due = link.now;
  if (write_idle(rules) > 0ns) due = std::min(due, written_at_ + write_idle(rules));
  if (is_due(due)) {
    out.ping = true;
    out.asks = out.asks || !ping_ping;
  }
}

void Liveness::look_for_idle(const Rules& rules, const Link& link, Look& out) {
  const auto tell = [&](Duration after, Time since, bool told) {
    if (after <= 0ns) return false;
    if (link.now < since + after) {
      out.next = std::min(out.next, since + after);
      return false;
    }
    if (told) out.next = std::min(out.next, link.now + after);
    return true;
  };
  const IdleOptions& idle = rules.idle;
  const bool read = tell(idle.read, link.read_at, told_read_);
  const bool write = tell(idle.write, written_at_, told_write_);
  const Time passed = link.under_way ? link.now : std::max(link.read_at, written_at_);
  const bool both = tell(idle.both, passed, told_both_);
  // What was written since the last look counts as written at this one, so that it is never long.
  if (idle.both > 0ns) out.next = std::min(out.next, link.now + idle.both / 4);
  out.idle_read = read && !told_read_;
  out.idle_write = write && !told_write_;
  out.idle_both = both && !told_both_;
  // What was told now is looked at again, for its end.
  if (out.idle_read) out.next = std::min(out.next, link.now + idle.read);
  if (out.idle_write) out.next = std::min(out.next, link.now + idle.write);
  if (out.idle_both) out.next = std::min(out.next, link.now + idle.both);
  told_read_ = read;
  told_write_ = write;
  told_both_ = both;
}

Duration Liveness::interval(const Rules& rules) const {
  const std::uint64_t number = rules.spread_by + ping_number_;
  const Duration usual = rules.heartbeat.interval;
  const Duration spread = usual - usual / 10 + spread_part(usual / 5, number);  // 90 to 110 %
  return std::max(spread, gap(rules));
}

// Without a byte of ours for so long a PING is due; zero: that matters to nobody.
Duration Liveness::write_idle(const Rules& rules) {
  if (rules.idle.write > 0ns) return rules.idle.write;
  return rules.heartbeat.mode == HeartbeatMode::kPingPing ? rules.heartbeat.interval : 0ns;
}

Duration Liveness::write_precision(const Rules& rules) const {
  Duration least = 24h;
  for (const Duration quiet : {write_idle(rules), rules.idle.both,
                               Duration(2 * std::chrono::milliseconds(peer_rate_ms_))}) {
    if (quiet > 0ns) least = std::min(least, quiet);
  }
  return least / 4;
}

Duration Liveness::gap(const Rules& rules) const {
  if (gap_ms_ != 0) return std::chrono::milliseconds(gap_ms_);
  return std::min(rules.heartbeat.interval_min, rules.heartbeat.interval);
}

Time Liveness::call_waits(const Rules& rules, Time now, Time read_at) {
  no_call_waits(read_at);
  call_since_ = std::min(call_since_, now);
  const HeartbeatOptions& heartbeat = rules.heartbeat;
  if (heartbeat.mode == HeartbeatMode::kOff || heartbeat.fast_probe <= 0ns) return Time::max();
  return call_since_ + heartbeat.fast_probe;
}

void Liveness::pinged(Time now, std::uint64_t written, bool asks) {
  ping_at_ = now;
  promises_anew_ = false;
  awaits_answer_ = asks;
  wrote(now, written);
  ++ping_number_;
}

Duration Liveness::answered(std::uint32_t number, Time now) {
  if (!awaits_answer_ || number != ping_number_) return Duration::zero();
  awaits_answer_ = false;
  const Duration took = std::max<Duration>(now - ping_at_, 1us);
  const auto us = std::chrono::ceil<std::chrono::microseconds>(took).count();
  rtt_us_ = static_cast<std::uint32_t>(
      std::min<std::int64_t>(us, std::numeric_limits<std::uint32_t>::max()));
  return took;
}

void Liveness::ask_for_interval(Duration at_least) {
  gap_ms_ = milliseconds(std::clamp<Duration>(at_least, 1ms, 1h));
}

bool Liveness::pings_too_often(const HeartbeatOptions& heartbeat, Time now) {
  const Duration window = std::max<Duration>(1min, heartbeat.interval_min);
  if (window_began_ != Time::min() && now < window_began_ + window) {
    ++pings_in_window_;
    return false;
  }
  // However long ago it ended: a pause takes nothing back.
  const bool many = pings_in_window_ >= 10 * window / heartbeat.interval_min;
  window_began_ = now;
  pings_in_window_ = 1;
  return many;
}

LinkHealth Liveness::health(Time now, Time read_at) const {
  const bool heard = read_at > ping_at_ && state_ != LinkState::kDead;
  return {.state = heard ? LinkState::kAlive : state_,
          .missed = heard ? std::uint32_t{0} : missed_,
          .silent_for = now - read_at,
          .rtt = std::chrono::microseconds(rtt_us_)};
}

std::uint32_t Liveness::milliseconds(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, 24 * 3600 * 1000));
}

}  // namespace internal
}  // namespace fairlead::rpc
