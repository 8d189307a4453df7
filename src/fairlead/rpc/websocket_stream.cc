#include "fairlead/rpc/websocket_stream.h"

#include <array>
#include <limits>
#include <utility>

namespace fairlead::rpc {
namespace {

using http::WebSocketCode;

// Of a stream of bytes: no peer's limit of messages is near it.
constexpr std::size_t kPieceBytesMax = 64 * 1024;
constexpr std::size_t kSentMax = 1024;  // sizes of sent messages that are kept

std::uint16_t code_of(io::Goodbye goodbye) {
  switch (goodbye) {
    case io::Goodbye::kDone:
      return WebSocketCode::kNormal;
    case io::Goodbye::kGoingAway:
      return WebSocketCode::kGoingAway;
    case io::Goodbye::kNotUnderstood:
      return WebSocketCode::kProtocolError;
    case io::Goodbye::kTooLarge:
      return WebSocketCode::kTooLarge;
    case io::Goodbye::kRefused:
      return WebSocketCode::kPolicy;
    case io::Goodbye::kFault:
      return WebSocketCode::kInternal;
  }
  return WebSocketCode::kInternal;
}

// kNone: it is not closed for that.
std::uint16_t code_for_the_slow(const Status& why) {
  if (why.code() == Code::kOverloaded) return WebSocketCode::kTryAgainLater;
  return why.reason() == "session.slow_frame" ? WebSocketCode::kPolicy : WebSocketCode::kNone;
}

}  // namespace

http::WebSocketOptions websocket_options(const wire::Limits& limits) {
  http::WebSocketOptions options;
  options.message_bytes_max = limits.frame_bytes_max;
  // The session bounds its messages by the limits of that time, and the stream sends the next one
  // only while little waits.
  options.queue_bytes_max = std::numeric_limits<std::size_t>::max();
  return options;
}

std::optional<const wire::Protocol*> protocol_of_websocket(std::string_view sub_protocol) {
  if (sub_protocol.empty() || sub_protocol == "raw") return nullptr;
  if (sub_protocol == "json") return wire::find_carried_protocol("ws-json");
  if (sub_protocol == "pb") return wire::find_carried_protocol("ws-pb");
  return std::nullopt;
}

// ---- reading

void WebSocketStream::on_message(bool text, std::string_view payload) {
  if (carries_ == Carries::kMessages) {
    // What is not taken is nobody's: the next message is another one.
    (void)handler_->on_read(Bytes(payload));
    return;
  }
  if (text) return socket_->close(WebSocketCode::kUnsupported);
  arrived_.append(payload);
  if (arrived_.size() < wanted_) return handler_->on_part(arrived_.size());
  const io::ReadResult read = handler_->on_read(Bytes(arrived_.view()));
  arrived_.consume(read.consumed);
  wanted_ = read.wanted;
  if (arrived_.empty()) arrived_.release();
}

void WebSocketStream::on_part(std::uint64_t bytes) {
  handler_->on_part(arrived_.size() + static_cast<std::size_t>(bytes));
}

// ---- writing

void WebSocketStream::end_message() {
  if (carries_ == Carries::kBytes) return;
  const std::size_t size = output_.size() - ended_bytes_;
  messages_.push_back(size);
  ended_bytes_ += size;
}

void WebSocketStream::flush() {
  blocked_ = false;
  if (!too_slow_.ok()) return;
  while (socket_ != nullptr && !output_.empty()) {
    if (socket_->unsent_bytes() >= kFlushBytes) {
      blocked_ = true;
      return;
    }
    if (!send_next()) break;
  }
  if (socket_ == nullptr) output_.release();
  if (socket_ != nullptr && closing_ && output_.empty()) socket_->close(close_code_);
}

// False: nothing more can be sent.
bool WebSocketStream::send_next() {
  std::array<std::string_view, 1> piece;
  (void)output_.gather(piece);  // messages are never shared, so each is in one piece
  std::string_view next = piece[0].substr(0, kPieceBytesMax);
  if (carries_ == Carries::kMessages) {
    if (first_ == messages_.size()) return false;  // one that has not ended
    next = piece[0].substr(0, messages_[first_++]);
    ended_bytes_ -= next.size();
    if (first_ == messages_.size() || first_ == kSentMax) {  // or it grew while something waits
      messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }
  const Status sent = socket_->send(next);
  output_.consume(next.size());
  if (!sent.ok()) socket_->abort(sent);
  return sent.ok();
}

void WebSocketStream::on_sent() {
  const bool waited = blocked_;
  flush();
  if (waited && !blocked_ && output_.empty() && socket_ != nullptr) handler_->on_sent();
}

// ---- the end

void WebSocketStream::on_close(Status why) {
  core_.dispose(std::move(socket_));
  handler_->on_close(too_slow_.ok() ? std::move(why) : too_slow_);
}

void WebSocketStream::pause() {
  if (socket_ != nullptr) socket_->pause();
}

void WebSocketStream::resume() {
  if (socket_ != nullptr) socket_->resume();
}

void WebSocketStream::set_goodbye(io::Goodbye goodbye) {
  if (close_code_ == WebSocketCode::kNormal) close_code_ = code_of(goodbye);
}

void WebSocketStream::close() {
  closing_ = true;
  if (!flush_scheduled_) schedule_flush();
}

void WebSocketStream::abort(Status why) {
  if (socket_ == nullptr) return;
  const std::uint16_t code = code_for_the_slow(why);
  if (code == WebSocketCode::kNone || !too_slow_.ok()) return socket_->abort(std::move(why));
  too_slow_ = std::move(why);
  socket_->close(code);
}

// A little more than the messages' bytes: the heads of WebSocket frames are among them.
std::size_t WebSocketStream::untaken_bytes() const {
  return unsent_bytes() + (socket_ != nullptr ? socket_->untaken_bytes() : 0);
}

io::Address WebSocketStream::peer() const {
  return socket_ != nullptr ? socket_->peer() : io::Address();
}

}  // namespace fairlead::rpc
