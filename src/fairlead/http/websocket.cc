#include "fairlead/http/websocket.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/websocket_deflate.h"

namespace fairlead::http {
namespace {

using proto::WebSocketOpcode;
using proto::WebSocketRole;
using Event = proto::WebSocketReader::Event;

Status bad_option(std::string_view what) {
  return Status(Code::kBadMessage, "websocket.bad_option", what);
}

Status lost(std::string_view reason, std::string_view text) {
  return Status(Code::kConnectionClosed, reason, text);
}

}  // namespace

Status validate(const WebSocketOptions& options) {
  if (options.message_bytes_max < 1 || options.fragments_max < 1 || options.frame_bytes_max < 1 ||
      options.pings_max < 1 || options.deflate_ratio_max < 1) {
    return bad_option(
        "message_bytes_max, fragments_max, frame_bytes_max, deflate_ratio_max and pings_max must "
        "be at least 1");
  }
  if (options.ping_interval < Duration::zero()) {
    return bad_option("ping_interval must not be below 0");
  }
  if (options.close_timeout <= Duration::zero() || options.write_timeout <= Duration::zero()) {
    return bad_option("close_timeout and write_timeout must be above 0");
  }
  return {};
}

WebSocket::WebSocket(io::Core& core, std::unique_ptr<io::Stream> stream,
                     WebSocketAgreement agreement, std::shared_ptr<const WebSocketOptions> options)
    : core_(core),
      stream_(std::move(stream)),
      options_(std::move(options)),
      random_(agreement.role == WebSocketRole::kClient ? std::make_unique<SecureRandom>()
                                                       : nullptr),
      deflate_(agreement.deflate.has_value()
                   ? std::make_unique<WebSocketDeflateState>(*agreement.deflate, agreement.role,
                                                             options_->message_bytes_max,
                                                             options_->deflate_ratio_max)
                   : nullptr),
      reader_({.role = agreement.role,
               .message_bytes_max = options_->message_bytes_max,
               .fragments_max = options_->fragments_max},
              deflate_ == nullptr ? nullptr : &deflate_->inflater()),
      protocol_(std::move(agreement.protocol)),
      heard_(core.now()) {
  options_->metrics.connections_open.add(1);
  stream_->hand_over(*this);
  stream_->pause();
}

WebSocket::~WebSocket() {
  if (stream_ == nullptr) return;
  options_->metrics.connections_open.add(-1);
  options_->metrics.closed_lost.add();
}

void WebSocket::start(WebSocketHandler& handler) {
  core_.assert_here();
  FL_CHECK(handler_ == nullptr);
  handler_ = &handler;
  heard_ = core_.now();
  arm();
  if (stream_ != nullptr && !paused_) stream_->resume();
}

// ---- reading ------------------------------------------------------------------------------------

io::ReadResult WebSocket::on_read(const Bytes& input) {
  heard_ = core_.now();
  pings_unanswered_ = 0;
  std::size_t consumed = 0;
  while (stream_ != nullptr && state_ != State::kEnding && !paused_) {
    const auto step = reader_.next(input.view().substr(consumed));
    consumed += step.consumed;
    if (step.event == Event::kNeedMore) {
      tell_part(input.view().substr(consumed));
      break;
    }
    take(step);
  }
  return {state_ == State::kEnding ? input.size() : consumed, 0};
}

// `head`: the bytes of a cut one. That of a ping is no part of a message.
void WebSocket::tell_part(std::string_view head) {
  const bool begins = !head.empty() && !proto::is_control(proto::websocket_opcode(head.front()));
  if (state_ != State::kOpen || (!reader_.in_message() && !begins)) return;
  handler_->on_part(*this, reader_.message_bytes_read());
}

void WebSocket::take(const proto::WebSocketReader::Step& step) {
  switch (step.event) {
    case Event::kMessage:
      if (state_ != State::kOpen) return;
      options_->metrics.messages_received.add();
      return handler_->on_message(*this, step.text, step.payload);
    case Event::kPing:
      if (state_ == State::kOpen) answer_ping(step.payload);
      return;
    case Event::kClose:
      return take_close(step);
    case Event::kFailed: {
      faulty_ = true;
      const proto::WebSocketFaultRow& row = proto::websocket_fault_row(reader_.fault());
      return fail(proto::to_status(reader_.fault()), row.close_code, row.text);
    }
    case Event::kPong:
    case Event::kNeedMore:
      return;
  }
}

void WebSocket::take_close(const proto::WebSocketReader::Step& step) {
  ending().code = step.close_code.value_or(WebSocketCode::kNone);
  ending().text = step.payload;
  if (state_ == State::kOpen) write_close(step.close_code.value_or(0), {});
  end({});
}

void WebSocket::on_end() {
  if (state_ != State::kEnding) {
    end(lost("websocket.cut", "the peer ended the connection without a close frame"));
  }
  if (stream_ != nullptr) stream_->close();
}

void WebSocket::on_close(Status why) {
  state_ = State::kEnding;
  if (!std::exchange(ended_, true)) {
    ending().status = why.ok() ? lost("websocket.cut", "closed") : std::move(why);
  }
  core_.dispose(std::move(stream_));
  options_->metrics.connections_open.add(-1);
  ending();
  count_end();
  if (handler_ != nullptr) return tell_end();
  core_.timers().arm(*this, core_.now());
}

// ---- writing ------------------------------------------------------------------------------------

Status WebSocket::send_text(std::string_view text) { return send(WebSocketOpcode::kText, text); }

Status WebSocket::send_binary(std::string_view bytes) {
  return send(WebSocketOpcode::kBinary, bytes);
}

Status WebSocket::send(WebSocketOpcode opcode, std::string_view payload) {
  core_.assert_here();
  if (state_ != State::kOpen) return lost("websocket.closed", "the WebSocket is closed");
  const std::size_t unsent = stream_->unsent_bytes();
  if (payload.size() > options_->queue_bytes_max ||
      unsent > options_->queue_bytes_max - payload.size()) {
    options_->metrics.messages_refused.add();
    return Status(Code::kSendQueueFull, "websocket.queue_full",
                  std::to_string(unsent) + " bytes wait for the peer to take them");
  }
  Buffer packed;
  bool is_packed = false;
  if (deflate_ != nullptr && payload.size() >= options_->deflate_bytes_min) {
    const Result<bool> worth_it = deflate_->deflate(payload, packed);
    if (!worth_it.ok()) {
      fail(worth_it.status(), WebSocketCode::kInternal, "internal error");
      return worth_it.status();
    }
    is_packed = *worth_it;
  }
  options_->metrics.messages_sent.add();
  write_message(opcode, is_packed ? packed.view() : payload, is_packed);
  return {};
}

void WebSocket::write_message(WebSocketOpcode opcode, std::string_view payload, bool packed) {
  const std::size_t unsent_before = stream_->unsent_bytes();
  std::size_t at = 0;
  do {
    const std::string_view piece = payload.substr(at, options_->frame_bytes_max);
    proto::WebSocketFrameHead head;
    head.opcode = at == 0 ? opcode : WebSocketOpcode::kContinuation;
    head.compressed = packed && at == 0;
    at += piece.size();
    head.last = at == payload.size();
    head.mask = new_mask();
    proto::write_websocket_frame(head, piece, stream_->output());
  } while (at < payload.size());
  written(unsent_before);
}

void WebSocket::write_control(WebSocketOpcode opcode, std::string_view payload) {
  const std::size_t unsent_before = stream_->unsent_bytes();
  proto::WebSocketFrameHead head;
  head.opcode = opcode;
  head.mask = new_mask();
  proto::write_websocket_frame(head, payload, stream_->output());
  written(unsent_before);
}

void WebSocket::write_close(std::uint16_t code, std::string_view text) {
  const std::size_t unsent_before = stream_->unsent_bytes();
  proto::write_websocket_close(code, text, new_mask(), stream_->output());
  written(unsent_before);
}

// Lets the stream know, and begins to watch output that the peer does not take.
void WebSocket::written(std::size_t unsent_before) {
  written_bytes_ += stream_->unsent_bytes() - unsent_before;
  stream_->wrote();
  if (stall_end_ != Time::max() || stream_->unsent_bytes() < io::Stream::kFlushBytes) return;
  stall_taken_ = taken_bytes();
  stall_end_ = core_.now() + options_->write_timeout;
  arm();
}

std::optional<proto::WebSocketMask> WebSocket::new_mask() {
  if (random_ == nullptr) return std::nullopt;
  return random_->draw<4>();
}

void WebSocket::answer_ping(std::string_view payload) {
  if (stream_->unsent_bytes() < io::Stream::kFlushBytes) {
    return write_control(WebSocketOpcode::kPong, payload);
  }
  owed_pong_ = std::make_unique<Buffer>(payload);
}

void WebSocket::on_sent() {
  stall_end_ = Time::max();
  if (state_ != State::kOpen) return;
  if (const auto owed = std::move(owed_pong_); owed != nullptr) {
    write_control(WebSocketOpcode::kPong, owed->view());
  }
  if (handler_ != nullptr) handler_->on_sent(*this);
}

// ---- the end ------------------------------------------------------------------------------------

void WebSocket::close(std::uint16_t code, std::string_view text) {
  core_.assert_here();
  FL_CHECK(proto::is_websocket_close_code(code));
  if (state_ != State::kOpen) return;
  write_close(code, text);
  state_ = State::kClosing;
  close_end_ = core_.now() + options_->close_timeout;
  arm();
  resume();  // the peer's close lies behind what waits
}

void WebSocket::abort(Status why) {
  core_.assert_here();
  if (stream_ == nullptr) return;
  if (!std::exchange(ended_, true)) ending().status = why;
  state_ = State::kEnding;
  stream_->abort(std::move(why));
}

// Says why and ends the connection, without waiting for the peer's close (RFC 6455 section 7.1.7).
void WebSocket::fail(Status why, std::uint16_t code, std::string_view text) {
  if (state_ == State::kOpen) write_close(code, text);
  end(std::move(why));
  if (stream_ != nullptr) stream_->close();
}

// Nothing is read from here on, and on_close() says `why`.
void WebSocket::end(Status why) {
  if (!std::exchange(ended_, true)) ending().status = std::move(why);
  state_ = State::kEnding;
  if (stream_ == nullptr) return;
  close_end_ = core_.now() + options_->close_timeout;
  arm();
  if (paused_) stream_->resume();
  if (!is_client()) stream_->close();
}

WebSocketEnd& WebSocket::ending() {
  if (end_ == nullptr) end_ = std::make_unique<WebSocketEnd>();
  return *end_;
}

void WebSocket::tell_end() {
  disarm();
  handler_->on_close(*this, std::move(ending()));
}

void WebSocket::count_end() const {
  const WebSocketMetrics& metrics = options_->metrics;
  if (faulty_) return metrics.closed_for_fault.add();
  if (!end_->status.ok()) return metrics.closed_lost.add();
  const bool normal = end_->code == WebSocketCode::kNormal ||
                      end_->code == WebSocketCode::kGoingAway || end_->code == WebSocketCode::kNone;
  (normal ? metrics.closed_normally : metrics.closed_by_peer).add();
}

// ---- time ---------------------------------------------------------------------------------------

void WebSocket::pause() {
  if (state_ != State::kOpen || std::exchange(paused_, true)) return;
  stream_->pause();
}

void WebSocket::resume() {
  if (!std::exchange(paused_, false) || stream_ == nullptr) return;
  heard_ = core_.now();
  pings_unanswered_ = 0;
  if (handler_ != nullptr) stream_->resume();
  arm();
}

std::uint64_t WebSocket::taken_bytes() const {
  return written_bytes_ - std::min<std::uint64_t>(written_bytes_, stream_->untaken_bytes());
}

bool WebSocket::pings() const {
  return state_ == State::kOpen && !paused_ && options_->ping_interval > Duration::zero();
}

Time WebSocket::next_ping() const {
  return heard_ + options_->ping_interval * (pings_unanswered_ + 1);
}

void WebSocket::arm() {
  Time next = stall_end_;
  if (state_ != State::kOpen) next = std::min(next, close_end_);
  if (pings()) next = std::min(next, next_ping());
  if (next == Time::max()) return disarm();
  core_.timers().arm(*this, next);
}

// False: too many were not answered, and the connection is ending.
bool WebSocket::ping_if_due(Time now) {
  if (!pings() || next_ping() > now) return true;
  if (pings_unanswered_ > 0) options_->metrics.pings_unanswered.add();
  if (pings_unanswered_ >= options_->pings_max) {
    fail(lost("websocket.ping_timeout", "the peer answers no ping"), WebSocketCode::kInternal,
         "no answer to pings");
    return false;
  }
  ++pings_unanswered_;
  write_control(WebSocketOpcode::kPing, {});
  return true;
}

void WebSocket::on_timer() {
  if (stream_ == nullptr) {
    if (handler_ != nullptr) tell_end();
    return;
  }
  const Time now = core_.now();
  if (state_ != State::kOpen && close_end_ <= now) {
    return abort(lost("websocket.close_timeout", "the peer does not end the connection"));
  }
  if (stall_end_ <= now) {
    const std::uint64_t taken = taken_bytes();
    if (taken <= stall_taken_) {
      return abort(lost("websocket.write_stalled", "the peer takes no bytes"));
    }
    stall_taken_ = taken;
    stall_end_ = now + options_->write_timeout;
  }
  if (ping_if_due(now)) arm();
}

}  // namespace fairlead::http
