// SessionRedial: how a session of a hub that was dialled comes back after it was lost.
//
//   HubEntry (id, place, refs to it) ── session A ── lost
//                                    ── away: values kept, rests, dialled
//                                    ── session B, with the values of A
#pragma once

#include <memory>
#include <utility>

#include "fairlead/async/cancel.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/random.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/service/session_hub.h"
#include "fairlead/upstream/redial.h"

namespace fairlead::service::internal {

// Thread: the entry's core. Lifetime: the entry's.
class SessionRedial final : private Timer {
 public:
  SessionRedial(Hub& hub, HubEntry& entry, io::Address address, HubDial how);
  ~SessionRedial();

  // Changes the state, counts and tells it. False: the event does not fit.
  template <class Event>
  bool step(std::string_view reason, Event event) {
    const upstream::Redial::State before = machine_.state();
    if (!event(machine_)) return false;
    note(before, reason);
    return true;
  }
  const upstream::Redial& machine() const { return machine_; }
  Random& random() { return random_; }
  // Before the next dial; sets the timer to the time of the one that is due.
  void rest();
  // It does not come back; `given_up`: its redial_times are used up. A dial that is under way ends,
  // and so does what waits. Idempotent. May begin calls of others.
  void end(bool given_up);
  // Heard by its dials.
  CancelToken unwanted() { return unwanted_.token(); }
  void update(const upstream::DialSettings& settings);
  void update(const rpc::ResendOptions& options);

  // Where a message with these words waits for the session and outlives it; null: they do not ask
  // for that, or it does not come back. Completes `options`.
  rpc::ResendLine* line_for(CallOptions& options);
  rpc::Peer& peer() const { return part_.dials; }  // that dials it
  // The session of the moment is there, or stays though it has begun to end.
  void attach(rpc::Session& session);
  // That session has begun to end. True: it is left for the next one. False: it is used until it
  // ends, since it is the next one already: it came a moment ago, and was ending then.
  bool moves_on(const rpc::Session& session) const;
  // What begins now is not for it any more: it is gone, or going.
  void leave(const rpc::Session& session);

  // What a session that follows is dialled with.
  rpc::DialOptions next_options(const std::shared_ptr<HubEntry>& entry) const;
  const upstream::DialSettings& settings() const { return *how_.redial; }
  const io::Address& address() const { return address_; }
  void keep(const rpc::SessionValues& values) { values_ = values; }
  const Status& last_error() const { return last_error_; }
  void failed_by(Status why) { last_error_ = std::move(why); }
  bool is_here() const { return entry_.session != nullptr; }
  upstream::EndpointView view() const;

 private:
  void on_timer() override;
  void note(upstream::Redial::State before, std::string_view reason);

  Hub& hub_;
  Hub::Part& part_;
  HubEntry& entry_;
  const io::Address address_;
  HubDial how_;
  const upstream::Metrics metrics_;
  upstream::Redial machine_;
  Random random_ = Random::from_system();
  rpc::SessionValues values_;                // of the session that was lost
  std::unique_ptr<rpc::ResendLine> line_{};  // null: nobody needed one
  Status last_error_;
  CancelSource unwanted_{};
  bool left_who_goes_ = false;  // the session before, while its peer was there still
  bool ended_ = false;
};

}  // namespace fairlead::service::internal
