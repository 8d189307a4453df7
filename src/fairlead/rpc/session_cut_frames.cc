// Frames that come in pieces, and how slowly they may. The session's timer looks at one only while
// it is cut; a frame that comes whole costs nothing. Over a WebSocket it is the message below that
// is cut, in a frame of its own or between two of them.
#include <algorithm>

#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookEvery = 5s;

}  // namespace

// `arrived`: bytes of the frame at the front that are there.
io::ReadResult Session::wait_for_rest(io::ReadResult read, std::size_t arrived) {
  Seldom::CutFrame& frame = seldom().cut_frame;
  frame.bytes = static_cast<std::uint32_t>(std::min<std::size_t>(arrived, UINT32_MAX));
  if (half_read_ && read.consumed == 0) return read;  // more of the same
  half_read_ = true;
  frame.began = peer_.core_.now();
  frame.seen = 0;
  frame.looks = 0;
  fire_before(frame.began + std::min(kLookEvery, peer_.guards().frame_time_max));
  return read;
}

void Session::on_part(std::size_t bytes) {
  if (!cut() && takes_messages()) (void)wait_for_rest({0, 0}, bytes);
}

void Session::look_at_cut_frame(Time now) {
  if (state_ >= State::kClosing) return;
  const Guards& guards = peer_.guards();
  Seldom::CutFrame& frame = seldom().cut_frame;
  const Time end = frame.began + guards.frame_time_max;
  const Time look = frame.began + kLookEvery * (frame.looks + 1);
  bool late = now >= end;
  if (!late && now >= look) {
    const auto least = static_cast<std::uint64_t>(kLookEvery / 1s) * guards.frame_rate_min;
    late = frame.bytes - frame.seen < least;
    frame.seen = frame.bytes;
    if (frame.looks < UINT8_MAX) ++frame.looks;
  }
  if (!late) {
    return fire_before(std::min(end, std::max(now, frame.began + kLookEvery * (frame.looks + 1))));
  }
  peer_.hit(observe::Bound::kFrameTime, static_cast<std::uint64_t>(guards.frame_time_max / 1ms));
  note_end(LinkEnd::kSlowFrame);
  state_ = State::kClosing;
  stream_->abort(Status(
      Code::kConnectionClosed, "session.slow_frame",
      "a frame of which " + std::to_string(frame.bytes) + " bytes had come was not whole in time"));
}

}  // namespace fairlead::rpc
