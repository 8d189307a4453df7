// Liveness: whether the other end of a link is still there, and whether anything passes.
//
//             a byte is read: no PING is missed any more
//        ┌───────────────────────────────────────────────────┐
//        v                                                   │
//      ALIVE -- nothing read since a PING for `timeout` --> SUSPECT -- `miss_max` PINGs missed -->
//                                                           DEAD: the session closes
//
// What it costs a link that is busy is one store of the time per read. All else is found out when
// a timer fires: docs/adr/0028-a-link-is-looked-at-when-a-timer-fires.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "fairlead/base/status.h"
#include "fairlead/base/time.h"

namespace fairlead::rpc {

enum class HeartbeatMode : std::uint8_t {
  kOff,       // sends none; those of others are answered
  kPingPong,  // asks, and is answered
  kPingPing,  // tells that it lives, and listens whether the other side does: both must be set so
};

struct HeartbeatOptions {
  HeartbeatMode mode = HeartbeatMode::kOff;
  // Nothing read for so long, more or less by a tenth, and a PING goes out; > 0.
  Duration interval = std::chrono::seconds(15);
  Duration timeout = std::chrono::seconds(5);  // > 0; without a byte after a PING it is missed
  std::uint32_t miss_max = 3;  // 1 .. 100, with kPingPing from 2 on; so many missed: dead
  Duration fast_probe = std::chrono::seconds(3);  // >= 0; in place of `interval` while a call waits
  // Peers are asked to keep so much between their PINGs; > 0. Until a peer says its own, ours keep
  // it too, or `interval` where that is shorter.
  Duration interval_min = std::chrono::seconds(3);

  // Errors: kInvalidOperation `peer.bad_option`.
  Status validate() const;
  bool operator==(const HeartbeatOptions&) const = default;
};

// Zero: nobody looks. Every byte counts, those of heartbeats too.
struct IdleOptions {
  Duration read{};   // >= 0
  Duration write{};  // >= 0; up to once more as late; also sends a PING, where there are heartbeats
  Duration both{};   // >= 0, up to a quarter late, and nothing under way; the session is closed

  // Errors: kInvalidOperation `peer.bad_option`.
  Status validate() const;
  bool operator==(const IdleOptions&) const = default;
};

// What programs have (service::Spec).
inline constexpr HeartbeatOptions kUsualHeartbeat{.mode = HeartbeatMode::kPingPong};
inline constexpr IdleOptions kUsualIdle{.read = std::chrono::seconds(45),
                                        .write = std::chrono::seconds(15),
                                        .both = std::chrono::minutes(10)};

enum class LinkState : std::uint8_t { kAlive, kSuspect, kDead };
// "alive", "suspect", "dead"
std::string_view link_state_name(LinkState state);

// How a link does at this moment.
struct LinkHealth {
  LinkState state = LinkState::kAlive;
  std::uint32_t missed = 0;  // PINGs in a row
  Duration silent_for{};     // nothing was read
  Duration rtt{};            // of the last PING that was answered; zero: none was
};

// Nothing has passed for a while. Told once, and again when something has.
struct IdleEvent {
  enum class Kind : std::uint8_t { kRead, kWrite, kBoth };
  Kind kind = Kind::kBoth;
  Duration read_for{};   // since anything was read
  Duration write_for{};  // since anything was written; up to `idle.write` too little
};

namespace internal {

// The machine of one link. It does no I/O and reads no clock: it is told what the link did, and
// says what to do. Thread: its session's. Memory: it is in every session, so its numbers are short.
class Liveness {
 public:
  struct Rules {
    const HeartbeatOptions& heartbeat;
    const IdleOptions& idle;
    bool may_ping = true;       // this link can carry a PING that its peer survives
    std::uint64_t spread_by{};  // draws the tenth by which intervals differ
  };
  // What the link did.
  struct Link {
    Time now;
    Time read_at;             // when the last byte was read
    std::uint64_t written{};  // bytes, in its life
    bool under_way = false;   // anything, in either direction
  };
  // What is to be done.
  struct Look {
    LinkState before = LinkState::kAlive;
    LinkState state = LinkState::kAlive;
    std::uint32_t missed = 0;  // PINGs that this look found missed, 0 or 1
    bool ping = false;
    bool asks = false;  // the PING wants an answer
    bool idle_read = false;
    bool idle_write = false;
    bool idle_both = false;
    Time next = Time::max();  // when to look again
  };

  void begin(Time now) { written_at_ = now; }
  Look look(const Rules& rules, const Link& link);

  // A call waits since now; `read_at`: when the last byte was read. Returns when to look because of
  // it; Time::max(): no sooner.
  Time call_waits(const Rules& rules, Time now, Time read_at);
  // None does any more. One that ended without a byte counts on: it had no answer.
  void no_call_waits(Time read_at) {
    if (read_at >= call_since_) call_since_ = Time::max();
  }

  // next_ping() was written, `written` bytes in all by now; it `asks` or tells.
  void pinged(Time now, std::uint64_t written, bool asks);
  // The link wrote now, `written` bytes in all; else the next look finds it.
  void wrote(Time now, std::uint64_t written) {
    written_at_ = now;
    written_ = written;
  }
  // The answer to the last PING came; nothing is known of older ones. Returns how long it took;
  // zero: nobody waited for it.
  Duration answered(std::uint32_t number, Time now);
  // The next look sends a PING, whatever passed: what the last one promised has changed.
  void ping_again() { promises_anew_ = true; }
  std::uint32_t next_ping() const { return ping_number_ + 1; }
  LinkState state() const { return state_; }
  Time written_at() const { return written_at_; }
  // Asked by the peer to keep at least so much between PINGs.
  void ask_for_interval(Duration at_least);

  // A PING of the peer came. True: in the minute, or the interval_min that is longer, that ended
  // before it, it had pinged ten times too often.
  bool pings_too_often(const HeartbeatOptions& heartbeat, Time now);
  // A plain peer says that it will ping so often, and is closed when it does not.
  void promised(Duration rate) { peer_rate_ms_ = milliseconds(rate); }
  bool has_promise() const { return peer_rate_ms_ != 0; }

  LinkHealth health(Time now, Time read_at) const;

 private:
  static std::uint32_t milliseconds(Duration duration);
  void look_for_misses(const Rules& rules, const Link& link, Look& out);
  void look_for_pings(const Rules& rules, const Link& link, Look& out) const;
  void look_for_idle(const Rules& rules, const Link& link, Look& out);
  Duration interval(const Rules& rules) const;
  static Duration write_idle(const Rules& rules);
  Duration write_precision(const Rules& rules) const;
  Duration gap(const Rules& rules) const;

  Time written_at_{};  // at the latest
  Time ping_at_ = Time::min();
  // When the first call began that waits, or after whose beginning nothing was read; max: none.
  Time call_since_ = Time::max();
  Time window_began_ = Time::min();  // in which PINGs of the peer are counted
  std::uint64_t written_ = 0;
  std::uint32_t pings_in_window_ = 0;
  std::uint32_t ping_number_ = 0;
  std::uint32_t rtt_us_ = 0;
  std::uint32_t gap_ms_ = 0;        // that the peer asked for; 0: it did not
  std::uint32_t peer_rate_ms_ = 0;  // 0: it promised none
  std::uint8_t missed_ = 0;
  LinkState state_ = LinkState::kAlive;
  bool awaits_answer_ : 1 = false;
  bool promises_anew_ : 1 = false;
  bool told_read_ : 1 = false;
  bool told_write_ : 1 = false;
  bool told_both_ : 1 = false;
};

}  // namespace internal
}  // namespace fairlead::rpc
