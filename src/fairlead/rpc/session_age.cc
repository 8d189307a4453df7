// The end of a session by age: it drains, nothing under way is cut.
//
//   YOUNG -- age --> OLD, told     a peer that said hello heard that we go away
//                └─> OLD, patient  a plain peer goes on, at most kPlainPatience longer; then its
//                                  CALLs are refused
//   OLD -- nothing under way in either direction --> closed
#include <chrono>

#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/rpc/spread.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookEvery = 100ms;    // at an old session that is not idle
constexpr Duration kCrossing = 1s;        // for CALLs that crossed our word
constexpr Duration kPlainPatience = 30s;  // with a peer that cannot be told

}  // namespace

void Session::begin_age() {
  const Duration age = peer_.options_.session_age;
  if (age <= Duration::zero() || side_ == Side::kServing) return;
  // Connections that came together do not leave together.
  look_at_age_at(core().now() + age - internal::spread_part(age / 10, id_));
}

void Session::look_at_age_at(Time when) {
  look_at_ = when;
  fire_before(when);
}

void Session::look_at_age(Time now) {
  look_at_ = Time::max();
  if (state_ != State::kOpen) return;
  Time& old_since = seldom().old_since;
  if (old_since == Time::max()) {
    old_since = now;
    go_away("age");
    tell_leaving();
  }
  const Duration old = now - old_since;
  const bool plain = !said_hello();
  if (plain && old >= kPlainPatience) going_away_ = true;
  const bool idle = !waits_for_answers() && handlers_running_ == 0 && !half_read_;
  if (idle && (plain || old >= kCrossing)) return send_away(LinkEnd::kAge, "age");
  look_at_age_at(now + kLookEvery);
}

bool Session::ending() const {
  return peer_leaving_ || (seldom_ != nullptr && seldom_->old_since != Time::max());
}

}  // namespace fairlead::rpc
