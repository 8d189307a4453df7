// A peer that does not read: what waits for it is bounded, and it is not served more than it takes.
//
//   LEAVES -- more than half of the queue is unsent --> HOLDS: CALLs are kept, whole and unserved;
//     ^                                                  │    all else goes on being read
//     └───────── a quarter of the queue is left ─────────┘
//   any -- replies of handlers that ran reach the limit, or nothing is taken for slow_reader_after
//          --> CUT
//
// What is written is never waited for while something that is read could free it, so two peers that
// both hold the other's CALLs get on as soon as either reads: docs/adr/0032-protection.md.

#include <algorithm>

#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLookEvery = 1s;

}  // namespace

// When the first of the CALLs that are served now came: their time runs from there.
Time Session::held_since() const { return std::min(backlog()->held_since, core().now()); }

std::uint64_t Session::taken_bytes() const {
  return appended_bytes_ - std::min<std::uint64_t>(appended_bytes_, stream_->untaken_bytes());
}

void Session::on_sent() {
  if (backlog() != nullptr) fire_before(core().now());
}

void Session::watch_output() {
  if (backlog() != nullptr) return;
  seldom().backlog = std::make_unique<Backlog>();
  backlog()->taken_at = core().now();
  fire_before(core().now() + std::min<Duration>(kLookEvery, peer_.guards().slow_reader_after));
}

// Replies are exempt from the limit at which calls are refused, so beyond it the session ends. The
// stream closes when the turn does; until then nothing more is served, or one read full of small
// calls could make any amount of replies.
void Session::bound_backlog() {
  const std::size_t limit = peer_.options_.write_queue_bytes_max;
  if (stream_->unsent_bytes() > limit) {
    return cut_slow_reader(observe::Bound::kWriteQueue, limit,
                           "the peer does not read its replies; write_queue_bytes_max is reached");
  }
  if (side_ == Side::kServing || stop_ != Stop::kNo) return;
  watch_output();
  stop_ = Stop::kHolds;
}

void Session::cut_slow_reader(observe::Bound bound, std::uint64_t limit, std::string_view message) {
  stop_ = Stop::kCut;
  peer_.hit(bound, limit);
  note_end(LinkEnd::kSlowReader);
  stream_->abort(Status(Code::kOverloaded, "session.slow_reader", message));
}

void Session::look_at_backlog(Time now) {
  if (state_ == State::kClosed || cut()) return;
  if (stream_->unsent_bytes() <= peer_.hold_above_ / 2) release_held();
  if (backlog() == nullptr || cut()) return;
  // Who was woken by that may have filled the queue again, and wait again.
  const bool nobody_waits = stop_ == Stop::kNo && backlog()->room == nullptr;
  if (nobody_waits && stream_->unsent_bytes() == 0) return seldom_->backlog.reset();
  const std::uint64_t taken = taken_bytes();
  const Duration patience = peer_.guards().slow_reader_after;
  // What a handler has begun to write and not ended is not offered to the peer yet.
  if (taken > backlog()->taken || frame_open_) {
    backlog()->taken = taken;
    backlog()->taken_at = now;
  } else if (now - backlog()->taken_at >= patience) {
    return cut_slow_reader(observe::Bound::kSlowReader, static_cast<std::uint64_t>(patience / 1ms),
                           "the peer took nothing for slow_reader_after");
  }
  fire_before(std::min(now + kLookEvery, backlog()->taken_at + patience));
}

bool Session::is_held(const wire::MessageView& message) const {
  return message.kind == wire::Kind::kCall && state_ == State::kOpen && !going_away_ &&
         message.method != kHeartbeatMethod && !message.method.starts_with(kControlPrefix);
}

// Copied, since a view would keep the whole chunk that it was read into.
void Session::hold(const wire::MessageView& message, std::string_view frame) {
  Backlog& backlog = *this->backlog();
  const bool full = backlog.held_calls >= peer_.options_.inflight_calls_max ||
                    backlog.held.size() + frame.size() > peer_.hold_above_;
  if (full) {
    metrics().calls_received.add();
    peer_.hit(observe::Bound::kWriteQueue, peer_.options_.write_queue_bytes_max);
    return refuse(message, Status(Code::kOverloaded, "session.write_queue",
                                  "replies wait for a peer that does not read them"));
  }
  ++backlog.held_calls;
  backlog.held_since = std::min(backlog.held_since, core().now());
  backlog.held.append(frame);
}

// Serves them, until there is no room again: what is left is held anew.
void Session::release_held() {
  if (backlog() == nullptr) return;
  if (std::unique_ptr<Event> room = std::move(backlog()->room)) room->set();
  if (stop_ != Stop::kHolds) return;
  stop_ = Stop::kNo;
  const Bytes held(backlog()->held.view());
  backlog()->held.release();
  backlog()->held_calls = 0;
  if (!held.empty()) {
    // They are no news of the link, nor of the frame that is cut at this moment.
    const Time read_at = read_at_;
    const bool half_read = half_read_;
    (void)on_read(held);
    read_at_ = read_at;
    half_read_ = half_read;
  }
  if (backlog() != nullptr && backlog()->held_calls == 0) backlog()->held_since = Time::max();
}

void Session::end_backlog() {
  if (backlog() == nullptr) return;
  const std::unique_ptr<Backlog> ended = std::move(seldom_->backlog);
  if (ended->room != nullptr) ended->room->set();
}

Task<Status> Session::room(Deadline deadline, CancelToken cancel) {
  if (state_ >= State::kClosing) co_return session_closed();
  if (stream_->unsent_bytes() <= peer_.options_.write_queue_bytes_max) co_return Status();
  watch_output();
  if (backlog()->room == nullptr) backlog()->room = std::make_unique<Event>();
  // Who is woken by the session's end is woken before it dies.
  Status waited = co_await backlog()->room->wait(core().timers(), deadline, std::move(cancel));
  if (waited.ok() && state_ >= State::kClosing) waited = session_closed();
  if (waited.ok()) co_return waited;
  co_return std::move(waited).with_outcome(Outcome::kNotSent);
}

}  // namespace fairlead::rpc
