// Whether the other end of a session is still there: what the machine of liveness.h says, done on a
// connection. docs/wire/control.md has the words, docs/reference/links.md the events.
//
// Nothing is done per message. A read notes the time; the session's timer looks at the link when
// something may be due, and a call that finds none waiting makes it look earlier.
#include <algorithm>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/spread.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using internal::Liveness;

constexpr std::int64_t kRateSecondsMin = 3;  // erpc takes none below it
constexpr std::int64_t kRateSecondsMax = 86400;
constexpr Duration kFrameOpenPatience = 100ms;  // a reply is being written: PING a little later
constexpr Duration kUnsentPatience = 30s;       // for what was written to reach a slow reader

// What a PING promises: the next one comes in so many seconds, if nothing else does.
std::int64_t rate_seconds(Duration interval) {
  const auto longest = std::chrono::ceil<std::chrono::seconds>(interval + interval / 10).count();
  return std::clamp<std::int64_t>(longest, kRateSecondsMin, kRateSecondsMax);
}

std::int64_t whole_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

// ---- looking

Liveness::Rules Session::liveness_rules() const {
  // Where a method that nobody knows costs the connection, nobody is asked.
  const bool may_ping = on_wire().carries().hello && !stream_->probes_peer();
  // The two ends of a link differ, or they would ask at the same moments.
  const std::uint64_t spread_by = peer_.spread_by_ + id_ + (dialled() ? 1U << 20 : 0U);
  return {peer_.options_.heartbeat, peer_.options_.idle, may_ping, spread_by};
}

bool Session::probes() const {
  const HeartbeatOptions& heartbeat = peer_.options_.heartbeat;
  return heartbeat.mode != HeartbeatMode::kOff && heartbeat.fast_probe > 0ns &&
         state_ == State::kOpen && liveness_rules().may_ping;
}

// Our own words about the link are calls, but nobody waits for them.
bool Session::a_call_waits() const {
  const std::size_t own =
      (hello_waits() ? 1U : 0U) + (beat_ != nullptr && beat_->waiting() ? 1U : 0U);
  return calls_.size() > own;
}

void Session::begin_link() {
  if (side_ == Side::kServing) return;
  const Time now = core().now();
  read_at_ = now;
  link_begun_ = true;
  metrics().links[static_cast<std::size_t>(LinkState::kAlive)].add(1);
  liveness_.begin(now);
  look_at_link(now);
  if (probes()) expiry_ = Time::max();
}

void Session::look_at_link(Time now) {
  if (stream_->unsent_bytes() > 0 && !frame_open_ && state_ < State::kClosed) watch_output();
  if (state_ != State::kOpen || !link_begun_) return;
  if (!a_call_waits()) liveness_.no_call_waits(read_at_);
  const Liveness::Look look = liveness_.look(
      liveness_rules(), {.now = now,
                         .read_at = read_at_,
                         .written = appended_bytes_,
                         .under_way = calls_.size() > 0 || handlers_running_ > 0 || line_waits()});
  metrics().heartbeats_missed.add(look.missed);
  if (look.state != look.before) tell_link_state(look, now);
  if (look.state == LinkState::kDead) return end_silent_link(now);
  tell_idle(look, now);
  if (state_ != State::kOpen) return;
  fire_before(look.next);
  if (!look.ping) return;
  if (frame_open_) return fire_before(now + kFrameOpenPatience);
  send_ping(look.asks);
}

void Session::follow_options(bool slower) {
  if (side_ == Side::kServing || state_ == State::kClosed) return;
  if (slower && (features_ & kBeats) == 0) liveness_.ping_again();
  fire_before(core().now() + internal::spread_part(1s, id_));
}

void Session::tell_link_state(const Liveness::Look& look, Time now) {
  const auto gauge = [this](LinkState state) {
    return metrics().links[static_cast<std::size_t>(state)];
  };
  gauge(look.before).add(-1);
  const bool dead = look.state == LinkState::kDead;
  if (dead) link_begun_ = false;
  if (!dead) gauge(look.state).add(1);
  const LinkHealth health = liveness_.health(now, read_at_);
  const std::string evidence = std::to_string(health.missed) + " missed, silent for " +
                               std::to_string(whole_ms(health.silent_for)) + " ms";
  observe::tell(peer_.options_.transitions, observe::LogLevel::kInfo,
                {.event = "link.state",
                 .name = peer_address().to_text(),
                 .from = link_state_name(look.before),
                 .to = link_state_name(look.state),
                 .reason = look.state == LinkState::kAlive ? "read" : "missed",
                 .evidence = evidence});
}

void Session::end_silent_link(Time now) {
  note_end(LinkEnd::kHeartbeat);
  state_ = State::kClosing;
  const std::string seconds = std::to_string((now - read_at_) / 1s);
  stream_->abort(Status(Code::kConnectionClosed, "session.silent",
                        "the peer gave no sign of life for " + seconds + " s"));
}

void Session::tell_idle(const Liveness::Look& look, Time now) {
  if (look.idle_read && !tell_idle_of(IdleEvent::Kind::kRead, now)) return;
  if (look.idle_write && !tell_idle_of(IdleEvent::Kind::kWrite, now)) return;
  if (!look.idle_both || !tell_idle_of(IdleEvent::Kind::kBoth, now)) return;
  // Below a WebSocket's bytes its pings pass.
  if (stream_->probes_peer()) return;
  send_away(LinkEnd::kIdle, "idle");
}

void Session::send_away(LinkEnd end, std::string_view reason) {
  note_end(end);
  peer_.send_away(*this, reason, core().deadline_after(kUnsentPatience));
}

// False: a plugin ended the connection.
bool Session::tell_idle_of(IdleEvent::Kind kind, Time now) {
  metrics().idle_events[static_cast<std::size_t>(kind)].add();
  const PluginChain* plugins = peer_.session_plugins_;
  if (plugins == nullptr || !plugins->has<&Plugin::post_idle>()) return true;
  const IdleEvent idle{kind, now - read_at_, now - liveness_.written_at()};
  const Status told = plugins->ask<&Plugin::post_idle>(*this, idle);
  if (!told.ok()) end_connection(told);
  return told.ok();
}

LinkHealth Session::health() const {
  if (!link_begun_) return {.state = liveness_.state()};  // it has not begun, or is dead
  return liveness_.health(core().now(), read_at_);
}

void Session::count_end(const Status& why) {
  if (side_ == Side::kServing) return;
  note_end(why.ok() ? LinkEnd::kOurs : LinkEnd::kError);
  metrics().links_closed[static_cast<std::size_t>(end_)].add();
  if (!link_begun_) return;
  link_begun_ = false;
  metrics().links[static_cast<std::size_t>(liveness_.state())].add(-1);
}

// ---- our heartbeats

void Session::send_ping(bool asks) {
  std::string metadata;
  wire::append_metadata_pair(metadata, wire::kHeartbeatKey,
                             std::to_string(rate_seconds(peer_.options_.heartbeat.interval)));
  const std::uint32_t number = liveness_.next_ping();
  if ((features_ & kBeats) != 0) {
    if (asks) wire::append_metadata_pair(metadata, "ping", std::to_string(number));
    push_control(kHeartbeatMethod, metadata);
  } else {
    asks = true;
    if (beat_ != nullptr) beat_->leave();
    beat_ = std::make_unique<Beat>(*this, number);
    beat_->session_ = this;
    beat_->sent_from_ = appended_bytes_;
    beat_->deadline_ = Time::max();  // the machine's
    const std::uint8_t only = on_wire().carries().only_codec;
    const wire::FrameStart start =
        begin_on_wire({.seq = calls_.add(*beat_),
                       .kind = wire::Kind::kCall,
                       .body_codec = only != wire::kNoCodec ? only : kHeartbeatCodec,
                       .method = kHeartbeatMethod,
                       .metadata = metadata});
    if (send_frame(start, Bytes(), nullptr).ok()) bound_unsent();
  }
  liveness_.pinged(core().now(), appended_bytes_, asks);
  metrics().heartbeats_sent.add();
}

void Session::ping_answered(std::uint32_t number) {
  const Duration took = liveness_.answered(number, core().now());
  if (took > 0ns) metrics().link_rtt.record(took);
  if (number >= going_ping_) going_ping_ = 0;
  beat_.reset();
}

// ---- theirs

bool Session::serve_heartbeat(const wire::MessageView& message) {
  if (side_ == Side::kServing) return false;
  if (message.kind == wire::Kind::kPush && said_hello()) {
    hear_heartbeat(message.metadata);
    return true;
  }
  const Status promised = note_promise(message.metadata);
  if (!promised.ok()) {
    refuse(message, promised);
  } else if (message.kind == wire::Kind::kCall) {
    answer_heartbeat(message);
  }
  bound_pings();
  return true;
}

// Between two that said hello: a PING that asks, one that tells, or an answer.
void Session::hear_heartbeat(std::string_view metadata) {
  if (const std::optional<std::uint64_t> answer = number_in(metadata, "pong")) {
    if (const auto gap = number_in(metadata, "min")) {
      liveness_.ask_for_interval(
          std::chrono::milliseconds(std::min<std::uint64_t>(*gap, 3'600'000)));
    }
    return ping_answered(static_cast<std::uint32_t>(*answer));
  }
  if (const std::optional<std::uint64_t> number = number_in(metadata, "ping");
      number && !frame_open_) {
    std::string answer;
    wire::append_metadata_pair(answer, "pong", std::to_string(*number));
    wire::append_metadata_pair(answer, "min",
                               std::to_string(whole_ms(peer_.options_.heartbeat.interval_min)));
    push_control(kHeartbeatMethod, answer);
  }
  bound_pings();
}

// As erpc has it: the first heartbeat of a session says how often they come.
Status Session::note_promise(std::string_view metadata) {
  const std::string text = wire::find_in_encoded(metadata, wire::kHeartbeatKey).value_or("");
  const std::int64_t rate = std::min(parse_int64(text).value_or(0), kRateSecondsMax);
  if (rate >= kRateSecondsMin) {
    if (said_hello()) return {};
    liveness_.promised(std::chrono::seconds(rate));
    fire_before(core().now() + std::chrono::seconds(2 * rate));
    return {};
  }
  if (liveness_.has_promise()) return {};
  return Status(Code::kBadMessage, "heartbeat.bad_rate", "invalid heartbeat rate").with_cause(text);
}

void Session::answer_heartbeat(const wire::MessageView& message) {
  if (frame_open_) return;  // a reply is being written; the next one is answered
  const bool json = message.body_codec == kHeartbeatCodec || message.body_codec == wire::kNoCodec;
  const wire::FrameStart start =
      begin_on_wire({.seq = message.seq,
                     .kind = wire::Kind::kReply,
                     .body_codec = json ? kHeartbeatCodec : message.body_codec,
                     .transforms = message.transforms});
  if (json) stream_->output().append("null");
  const Status sent = send_frame(start, Bytes(), peer_.options_.transforms);
  if (!sent.ok()) return reply_error(message, {}, sent);
  bound_unsent();
  liveness_.wrote(core().now(), appended_bytes_);
}

void Session::bound_pings() {
  if (state_ != State::kOpen) return;
  if (!liveness_.pings_too_often(peer_.options_.heartbeat, core().now())) return;
  if (const auto times = peer_.pings_told_.pass(core().now())) {
    FL_LOG(warn, "link.too_many_pings", {"peer", peer_address().to_text()}, {"times", *times});
  }
  send_away(LinkEnd::kTooManyPings, "too_many_pings");
}

}  // namespace fairlead::rpc
