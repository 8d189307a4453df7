// A session that is there only to say that there are too many connections.
//
//   hello ─► answered, and GOAWAY(conn_limit, retry_after); CALLs that crossed it ─► 503, and safe
//            to repeat ──────────────────────────────────────────────────┬─► closed after kPatience
//   silence ─────────────────────────────────────────────────────────────┘
//   CALL, PUSH or login of a plain peer ─► 503 `session.conn_limit`, where it can be said
//                                                          ─► closed when this turn's reads end
//
// It has asked for no login and no plugin has seen it, so no handler runs for it.
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"

namespace fairlead::rpc {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);  // until it has said something

}  // namespace

void Session::turn_away() {
  turned_away_ = going_away_ = true;
  note_end(LinkEnd::kTurnedAway);
  fire_before(core().now() + kPatience);
}

// What the session answers itself: no route is behind it.
bool Session::is_word_of_link(const wire::MessageView& message) const {
  return message.method.starts_with(kControlPrefix) ||
         (message.method == kHeartbeatMethod && peer_.answers_heartbeats_);
}

void Session::refuse_turned_away(const wire::MessageView& message) {
  refuse(message, Status(Code::kOverloaded, "session.conn_limit",
                         "this peer has too many connections: call another one, or later"));
  if (!said_hello()) fire_before(core().now());
}

void Session::say_turned_away() {
  if ((features_ & kGoesAway) != 0) tell_going("conn_limit", Peer::kTurnAwayRetry);
}

// What was said leaves before the connection ends.
void Session::end_turned_away() {
  if (state_ >= State::kClosing) return;
  peer_.send_away(*this, "conn_limit", core().deadline_after(kPatience));
}

}  // namespace fairlead::rpc
