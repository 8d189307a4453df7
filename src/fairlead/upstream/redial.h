// Redial: what becomes of our link to one endpoint: when it is dialled, how long it rests after it
// was lost, and when it is given up. A machine without clock and IO: time and randomness come in.
//
//   PREPARING -- dial() --> DIALING -- ready() --> READY
//   BACKOFF, QUARANTINED -- its time is over, dial() --> DIALING
//   DIALING -- failed() --> BACKOFF, QUARANTINED (quarantine_after in a row), or
//                           CLOSED (redial_times in a row)
//   READY -- lost() --> BACKOFF, or CLOSED (redial_times is 0)
//   READY -- left() --> BACKOFF, or as lost() where it was no `stable` link
//   READY -- leaving() --> PASSIVE_CLOSING, or BACKOFF where the peer said when to come back
//   READY -- closing() --> ACTIVE_CLOSING -- closed() --> PREPARING
//   PASSIVE_CLOSING -- dial() --> DIALING, -- closed() --> PREPARING
//   any -- remove() --> CLOSED
//
// The rest after a loss: the first one is drawn from first_wait_min .. first_wait_max, each further
// one is `multiplier` times as long, up to backoff_max, and 20 % more or less. It begins anew only
// when a link was READY for `stable`: one that comes and goes rests longer each time. So those who
// lost one server at one moment do not come back at one moment (d.2 of the reliability rules; the
// numbers 1.6 and 20 % are gRPC's connection backoff, doc/connection-backoff.md).
//
// A link that never was READY is dialled when somebody asks for it, and rests from
// unseen_wait_first to unseen_wait_max: nobody else has lost it, and who starts a caller before its
// service waits no longer than that.
#pragma once

#include <cstdint>
#include <string_view>

#include "fairlead/base/random.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"

namespace fairlead::upstream {

struct RedialOptions {
  Duration first_wait_min = std::chrono::milliseconds(100);  // >= 0
  Duration first_wait_max = std::chrono::seconds(1);         // first_wait_min or more
  double multiplier = 1.6;                                   // 1 .. 10
  Duration backoff_max = std::chrono::seconds(30);           // > 0
  Duration stable = std::chrono::seconds(10);                // >= 0
  std::uint32_t quarantine_after = 3;                        // failed dials in a row; 1 or more
  // Dials in a row after a loss until the link is given up; -1: no end.
  std::int32_t redial_times = -1;
  // After a goaway another endpoint is dialled within so much; >= 0.
  Duration goaway_spread = std::chrono::seconds(2);
  // Of links that never were READY; > 0.
  Duration unseen_wait_first = std::chrono::milliseconds(100);
  Duration unseen_wait_max = std::chrono::seconds(2);

  // Errors: kInvalidOperation `redial.bad_option`.
  Status validate() const;
};

// Thread: one owner. Every event is compare-and-swap: where it does not fit the state it changes
// nothing and says false.
class Redial {
 public:
  enum class State : std::uint8_t {
    kPreparing,       // nobody needed it yet, or it was left in order: may be dialled at once
    kReady,           // there is a session
    kActiveClosing,   // we close it
    kPassiveClosing,  // its peer goes away and answers what is under way; may be dialled at once
    kBackoff,         // rests
    kDialing,         // one dial, never two
    kQuarantined,     // rests, and calls go elsewhere also while it is dialled
    kClosed,          // given up, or taken out of the registry
    kCount
  };
  // A peer may ask for no longer rest than this.
  static constexpr Duration kRetryAfterMax = std::chrono::minutes(10);

  explicit Redial(const RedialOptions& options = {}) : options_(options) {}

  // For the waits that are drawn from now on. `options` have been validated.
  void update(const RedialOptions& options) { options_ = options; }

  // Somebody asks for it: PREPARING, PASSIVE_CLOSING, or a rest that is over.
  bool dial(Time now);
  bool may_dial(Time now) const;
  bool ready(Time now);
  bool failed(Time now, Random& random);
  // The session is gone, and neither side had said so.
  bool lost(Time now, Random& random);
  // The peer goes away. `retry_after` > 0: it may not be dialled before that, and not by all of its
  // callers at once; the rests after it grow from there.
  bool leaving(Time now, Duration retry_after, Random& random);
  // The session is gone as its peer, or its age, had said, and there is no other endpoint: rests
  // for a part of goaway_spread. Where it had not been READY for `stable`: as lost().
  bool left(Time now, Random& random);
  bool closing();
  bool closed();
  bool remove();

  State state() const { return state_; }
  // Somebody may want to know of it; the other states are those of every link that is well.
  static bool is_trouble(State state) {
    return state == State::kBackoff || state == State::kQuarantined || state == State::kClosed;
  }
  // When it is to be dialled though nobody asks: rests after a loss, and in quarantine.
  // Time::max(): not at all. `asked`: somebody waits for it.
  Time due(bool asked = false) const;
  // What is left of its rest.
  Duration wait_left(Time now) const;
  // Whether calls wait for a dial that is under way.
  bool quarantined() const { return quarantined_; }
  bool ever_ready() const { return ever_ready_; }
  // It was taken out of quarantine and has been READY since; for who lets it warm up.
  bool recovered() const { return recovered_; }
  // READY for RedialOptions::stable: what comes next begins anew.
  bool stable(Time now) const {
    return state_ == State::kReady && now - ready_since_ >= options_.stable;
  }
  // After a loss now it is dialled again.
  bool has_redials() const { return !used_up(); }
  std::uint32_t failures() const { return failures_; }  // in a row
  std::uint64_t dials() const { return dials_; }        // in its life

 private:
  void rest(Time now, Duration at_least, Random& random);
  bool used_up() const;

  RedialOptions options_;
  State state_ = State::kPreparing;
  bool ever_ready_ = false;
  bool quarantined_ = false;
  bool recovered_ = false;
  std::uint32_t failures_ = 0;
  std::int64_t redials_ = 0;  // in a row, after a loss
  std::uint64_t dials_ = 0;
  Duration wait_{};  // the latest rest without its jitter; zero: the next one is the first
  Time rests_until_{};
  Time ready_since_{};
};

// "backoff"
std::string_view to_text(Redial::State state);

}  // namespace fairlead::upstream
