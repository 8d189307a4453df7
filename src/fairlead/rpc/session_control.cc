// What two of us tell each other about the link itself: hello, cancel, going away. And handlers
// that wait, which such a word or their deadline may end early.
//
// A peer that is not ours answers the hello with 404, and nothing else is ever sent to it.
#include "fairlead/rpc/session_control.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kVersion = "1";

// A caller that counts its own time is the first to say that it is over, whichever of two timers of
// one moment fires first; what it says then is in its own words, and our answer is not sent at all.
constexpr Duration kCallersTurn = std::chrono::milliseconds(2);

struct FeatureWord {
  std::string_view word;
  Feature feature;
};
constexpr std::array<FeatureWord, 5> kFeatureWords = {{
    {"cancel", kCancels},
    {"goaway", kGoesAway},
    {"refused", kMarksRefusals},
    {"heartbeat", kBeats},
    {"resume", kResumes},
}};

std::uint8_t features_of(std::string_view list) {
  std::uint8_t features = kHello;
  for (const std::string_view word : split(list, ',')) {
    for (const FeatureWord& known : kFeatureWords) {
      if (word == known.word) features |= known.feature;
    }
  }
  return features;
}

}  // namespace

std::optional<std::uint64_t> number_in(std::string_view metadata, std::string_view key) {
  const std::optional<std::string> text = wire::find_in_encoded(metadata, key);
  return text.has_value() ? parse_uint64(*text) : std::nullopt;
}

// ---- hello

std::string Session::hello_metadata() const {
  const auto timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(peer_.told_timeout_).count();
  std::string out;
  wire::append_metadata_pair(out, "version", kVersion);
  std::string words;
  const std::uint8_t spoken = spoken_features();
  for (const FeatureWord& known : kFeatureWords) {
    if ((spoken & known.feature) == 0) continue;
    words.append(words.empty() ? "" : ",").append(known.word);
  }
  wire::append_metadata_pair(out, "features", words);
  wire::append_metadata_pair(out, "timeout", std::to_string(timeout));
  const auto gap =
      std::chrono::ceil<std::chrono::milliseconds>(peer_.options_.heartbeat.interval_min).count();
  wire::append_metadata_pair(out, "heartbeat_min", std::to_string(gap));
  add_resume_words(out);
  return out;
}

std::uint8_t Session::spoken_features() const {
  std::uint8_t features = kHello | kCancels | kGoesAway | kMarksRefusals;
  if (peer_.answers_heartbeats_) features |= kBeats;
  if (dialled() || peer_.options_.windows != nullptr) features |= kResumes;
  return features;
}

void Session::say_hello() {
  if (!peer_.options_.hello || state_ != State::kOpen || !on_wire().carries().hello) return;
  seldom().hello = std::make_unique<Hello>(*this);
  Hello& hello = *seldom_->hello;
  hello.session_ = this;
  hello.sent_from_ = appended_bytes_;
  const std::string metadata = hello_metadata();
  const wire::FrameStart start = begin_on_wire({.seq = calls_.add(hello),
                                                .kind = wire::Kind::kCall,
                                                .method = kHelloMethod,
                                                .metadata = metadata});
  watch(hello, core().deadline_after(std::chrono::seconds(10)));
  Status sent = send_frame(start, Bytes(), nullptr);
  if (!sent.ok()) hello.fail(std::move(sent));
}

bool Session::hello_waits() const {
  return seldom_ != nullptr && seldom_->hello != nullptr && seldom_->hello->waiting();
}

// Whoever answers without a version is no peer of ours, whatever the status: erpc over WebSocket
// has none.
void Session::heard_hello(std::string_view metadata) {
  if (number_in(metadata, "version").value_or(0) == 0) return;
  features_ = features_of(wire::find_in_encoded(metadata, "features").value_or(""));
  features_ &= spoken_features();
  const std::optional<std::uint64_t> timeout = number_in(metadata, "timeout");
  constexpr std::uint64_t kDayMs = 24 * 3600 * 1000;
  if (timeout.has_value() && *timeout > 0 && *timeout <= kDayMs) {
    peer_timeout_ms_ = static_cast<std::uint32_t>(*timeout);
  }
  const std::optional<std::uint64_t> gap = number_in(metadata, "heartbeat_min");
  if (gap.has_value() && *gap <= kDayMs) {
    liveness_.ask_for_interval(std::chrono::milliseconds(*gap));
  }
}

bool Session::serve_control(const wire::MessageView& message) {
  if (message.method == kHeartbeatMethod) return serve_heartbeat(message);
  if (!message.method.starts_with(kControlPrefix)) return false;
  if (message.kind == wire::Kind::kPush) {
    if (!said_hello()) {
      metrics().pushes_failed.add();
    } else if (message.method == kCancelMethod) {
      peer_cancelled(message.metadata);
    } else if (message.method == kGoAwayMethod && !peer_leaving_) {
      peer_leaving_ = true;
      constexpr std::uint64_t kDayMs = 24 * 3600 * 1000;
      const std::uint64_t after = number_in(message.metadata, "retry_after").value_or(0);
      seldom().retry_after = std::chrono::milliseconds(std::min(after, kDayMs));
      tell_leaving();
    } else if (message.method == kAckMethod) {
      hear_ack(message.metadata);
    }
    return true;  // words of later versions mean nothing to us
  }
  // One that came through a proxy speaks for somebody else's link.
  const bool for_us = message.method == kHelloMethod && peer_.options_.hello &&
                      side_ != Side::kServing &&
                      !wire::find_in_encoded(message.metadata, wire::kRealIpKey).has_value();
  if (!for_us) {
    refuse(message, peer_.router_.not_found(message.method));
    return true;
  }
  heard_hello(message.metadata);
  take_window(message.metadata);
  const std::string metadata = hello_metadata();
  const wire::FrameStart start = begin_on_wire({.seq = message.seq,
                                                .kind = wire::Kind::kReply,
                                                .metadata = metadata,
                                                .transforms = message.transforms});
  if (send_frame(start, Bytes(), peer_.options_.transforms).ok()) bound_unsent();
  if (!peer_.going_reason_.empty()) announce_going(peer_.going_reason_);
  if (turned_away_) say_turned_away();
  return true;
}

// ---- control

// Is exempt from the limit at which calls are refused; a peer that does not read is bounded as by
// replies.
void Session::push_control(std::string_view method, std::string_view metadata) {
  const wire::FrameStart start = begin_on_wire({.seq = calls_.next_seq(),
                                                .kind = wire::Kind::kPush,
                                                .method = method,
                                                .metadata = metadata});
  if (send_frame(start, Bytes(), nullptr).ok()) bound_unsent();
}

// Best effort: while a reply is being written nothing may stand in between, and the handler there
// ends by its deadline.
void Session::cancel_there(std::int32_t seq) {
  if ((features_ & kCancels) == 0 || state_ != State::kOpen || frame_open_) return;
  push_control(kCancelMethod, "seq=" + std::to_string(seq));
}

void Session::peer_cancelled(std::string_view metadata) {
  const std::optional<std::uint64_t> seq = number_in(metadata, "seq");
  if (!seq.has_value()) return;
  for (Context* context = waiting_; context != nullptr; context = context->waiting_->next) {
    if (static_cast<std::uint64_t>(context->seq()) != *seq ||
        context->kind() != wire::Kind::kCall) {
      continue;
    }
    metrics().calls_cancelled.add();
    return end_waiting(*context);
  }
}

void Session::go_away(std::string_view reason, Duration retry_after) {
  if (going_away_ || (features_ & kGoesAway) == 0 || state_ != State::kOpen) return;
  going_away_ = true;
  if (!going_announced_) tell_going(reason, retry_after);
}

void Session::announce_going(std::string_view reason) {
  if (going_announced_ || going_away_) return;
  if ((features_ & kGoesAway) == 0 || state_ != State::kOpen) return;
  going_announced_ = true;
  tell_going(reason, Duration::zero());
  if ((features_ & kBeats) == 0 || frame_open_) return;
  going_ping_ = liveness_.next_ping();
  send_ping(true);
}

bool Session::may_say_hello() const {
  constexpr Duration kHelloPatience = std::chrono::milliseconds(100);
  return peer_.options_.hello && !said_hello() && side_ == Side::kAccepted &&
         state_ == State::kOpen && on_wire().carries().hello &&
         core().now() - read_at_ < kHelloPatience;
}

void Session::tell_going(std::string_view reason, Duration retry_after) {
  std::string metadata;
  wire::append_metadata_pair(metadata, "reason", reason);
  if (retry_after > Duration::zero()) {
    wire::append_metadata_pair(
        metadata, "retry_after",
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(retry_after).count()));
  }
  if (!frame_open_) return push_control(kGoAwayMethod, metadata);
  // A handler says so while it writes its reply: nothing may stand in between.
  core().post([this, gone = cancel_token(), metadata = std::move(metadata)] {
    if (!gone.cancelled() && state_ != State::kClosed && !frame_open_)
      push_control(kGoAwayMethod, metadata);
  });
}

// Of a CALL that was answered only a marked refusal says that no handler ran. Codes that mean "not
// sent" where they arise tell what became of a call that the handler made.
Status Session::judged(Status status, std::string_view metadata) const {
  if (said_hello() && !metadata.empty() && wire::find_in_encoded(metadata, wire::kRefusedKey)) {
    return std::move(status).with_outcome(Outcome::kNotProcessed);
  }
  if (status.outcome() != Outcome::kNotSent) return status;
  return std::move(status).with_outcome(Outcome::kProcessed);
}

// ---- handlers that wait

namespace {

// When a handler that waits is answered for, and hears it.
Deadline answer_at(const Context& context) {
  const Deadline deadline = context.deadline();
  return deadline.is_set() ? Deadline::after(deadline.at(), kCallersTurn) : deadline;
}

}  // namespace

void Session::add_waiting(Context& context) {
  Context::Waiting& waiting = *context.waiting_;
  waiting.next = waiting_;
  if (waiting_ != nullptr) waiting_->waiting_->previous = &context;
  waiting_ = &context;
  watch(answer_at(context));
}

void Session::remove_waiting(Context& context) {
  Context::Waiting& waiting = *context.waiting_;
  (waiting.previous != nullptr ? waiting.previous->waiting_->next : waiting_) = waiting.next;
  if (waiting.next != nullptr) waiting.next->waiting_->previous = waiting.previous;
  waiting.previous = waiting.next = nullptr;
}

// The handler hears it by its token, and what it answers is nobody's any more. May destroy it.
void Session::end_waiting(Context& context) {
  context.waiting_->ended = true;
  context.waiting_->source.cancel();
}

// A caller hears in time that nothing will come, and its handler that nobody waits.
void Session::expire_waiting(Time now) {
  for (Context* context = waiting_; context != nullptr;) {
    if (context->waiting_->ended || !answer_at(*context).passed(now)) {
      context = context->waiting_->next;
      continue;
    }
    const Status late(Code::kHandlerTimeout, "handler.deadline",
                      "the handler had not ended at the caller's deadline");
    if (context->kind() == wire::Kind::kPush) {
      metrics().pushes_failed.add();
      if (context->admitted() != nullptr) settle(*context, late);
    } else if (state_ != State::kClosed || context->admitted() != nullptr) {
      fail_waiting(*context, late);
    }
    end_waiting(*context);
    context = waiting_;  // any of them may be gone
  }
  for (Context* context = waiting_; context != nullptr; context = context->waiting_->next) {
    if (!context->waiting_->ended) watch(answer_at(*context));
  }
}

// What came with a number is asked for again over another connection, and goes on.
void Session::cancel_waiting() {
  for (Context* context = waiting_; context != nullptr;) {
    const bool goes_on = context->admitted() != nullptr && !peer_.closing_;
    if (goes_on || std::exchange(context->waiting_->ended, true)) {
      context = context->waiting_->next;
      continue;
    }
    context->waiting_->source.cancel();
    context = waiting_;
  }
}

}  // namespace fairlead::rpc
