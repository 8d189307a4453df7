#include "fairlead/http/proto/websocket_reader.h"

#include <algorithm>

namespace fairlead::http::proto {
namespace {

constexpr std::size_t kUnmaskedAtOnce = 4096;
constexpr std::size_t kCloseCodeBytes = 2;

// Most bytes that a compressed message of at most `bytes_max` may take. Deflate makes bytes that it
// cannot pack longer by less than an eighth; blocks that hold nothing would go on for ever.
std::uint64_t packed_bytes_max(std::size_t bytes_max) {
  return std::uint64_t{bytes_max} + bytes_max / 8 + 1024;
}

}  // namespace

WebSocketReader::Step WebSocketReader::next(std::string_view input) {
  if (message_told_) forget_message();
  Step step;
  while (fault_ == WebSocketFault::kNone && state_ != State::kClosed) {
    const std::string_view rest = input.substr(step.consumed);
    if (state_ == State::kHead) {
      const WebSocketHeadResult head =
          read_websocket_head(rest, options_.role, inflater_ != nullptr);
      if (head.state == ParseState::kNeedMore) return step;
      fault_ = head.state == ParseState::kRefused ? head.fault : begin_frame(head.head);
      step.consumed += head.bytes;
      continue;
    }
    const std::uint64_t missing = frame_.payload_bytes - frame_read_;
    const std::string_view part =
        rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(missing, rest.size())));
    fault_ = take_payload(part);
    frame_read_ += part.size();
    step.consumed += part.size();
    if (fault_ != WebSocketFault::kNone) break;
    if (frame_read_ < frame_.payload_bytes) return step;
    state_ = State::kHead;
    fault_ = end_frame(step);
    if (fault_ == WebSocketFault::kNone && step.event != Event::kNeedMore) return step;
  }
  Step ended;
  const bool failed = fault_ != WebSocketFault::kNone;
  ended.event = failed ? Event::kFailed : Event::kNeedMore;
  ended.consumed = failed ? step.consumed : input.size();
  return ended;
}

std::uint64_t WebSocketReader::message_bytes_read() const {
  if (!compressed_) return message_.size();
  const bool in_payload = state_ == State::kPayload && !is_control(frame_.opcode);
  return packed_bytes_ - (in_payload ? frame_.payload_bytes - frame_read_ : 0);
}

WebSocketFault WebSocketReader::begin_frame(const WebSocketFrameHead& head) {
  frame_ = head;
  frame_read_ = 0;
  state_ = State::kPayload;
  return is_control(head.opcode) ? WebSocketFault::kNone : begin_data_frame(head);
}

WebSocketFault WebSocketReader::begin_data_frame(const WebSocketFrameHead& head) {
  const bool continues = head.opcode == WebSocketOpcode::kContinuation;
  if (continues != in_message_) return WebSocketFault::kBadSequence;
  if (!continues) {
    in_message_ = true;
    text_ = head.opcode == WebSocketOpcode::kText;
    compressed_ = head.compressed;
  }
  if (++fragments_ > options_.fragments_max) return WebSocketFault::kTooManyFragments;
  if (!compressed_) {
    const std::uint64_t room = options_.message_bytes_max - message_.size();
    return head.payload_bytes > room ? WebSocketFault::kTooBig : WebSocketFault::kNone;
  }
  const std::uint64_t room = packed_bytes_max(options_.message_bytes_max) - packed_bytes_;
  if (head.payload_bytes > room) return WebSocketFault::kTooBig;
  packed_bytes_ += head.payload_bytes;
  return WebSocketFault::kNone;
}

WebSocketFault WebSocketReader::take_payload(std::string_view masked) {
  if (is_control(frame_.opcode)) {
    unmask(masked, control_.data() + frame_read_);
    return WebSocketFault::kNone;
  }
  if (compressed_) return inflate_payload(masked);
  unmask(masked, message_.prepare(masked.size()));
  message_.commit(masked.size());
  return check_message();
}

WebSocketFault WebSocketReader::inflate_payload(std::string_view masked) {
  std::array<char, kUnmaskedAtOnce> unmasked;
  const std::uint64_t offset = frame_read_;
  for (std::size_t at = 0; at < masked.size(); at += unmasked.size()) {
    std::string_view piece = masked.substr(at, unmasked.size());
    if (frame_.mask.has_value()) {
      apply_websocket_mask(*frame_.mask, offset + at, piece, unmasked.data());
      piece = {unmasked.data(), piece.size()};
    }
    WebSocketFault fault = inflater_->inflate(piece, message_);
    if (fault == WebSocketFault::kNone) fault = check_message();
    if (fault != WebSocketFault::kNone) return fault;
  }
  return WebSocketFault::kNone;
}

// What was added to the message since the last call.
WebSocketFault WebSocketReader::check_message() {
  if (message_.size() > options_.message_bytes_max) return WebSocketFault::kTooBig;
  if (!text_) return WebSocketFault::kNone;
  const bool valid = utf8_.take(message_.view().substr(checked_bytes_));
  checked_bytes_ = message_.size();
  return valid ? WebSocketFault::kNone : WebSocketFault::kBadUtf8;
}

WebSocketFault WebSocketReader::end_frame(Step& step) {
  switch (frame_.opcode) {
    case WebSocketOpcode::kClose:
      return end_close(step);
    case WebSocketOpcode::kPing:
    case WebSocketOpcode::kPong:
      step.event = frame_.opcode == WebSocketOpcode::kPing ? Event::kPing : Event::kPong;
      step.payload = {control_.data(), static_cast<std::size_t>(frame_.payload_bytes)};
      return WebSocketFault::kNone;
    default:
      return frame_.last ? end_message(step) : WebSocketFault::kNone;
  }
}

WebSocketFault WebSocketReader::end_message(Step& step) {
  if (compressed_) {
    WebSocketFault fault = inflater_->end_message(message_);
    if (fault == WebSocketFault::kNone) fault = check_message();
    if (fault != WebSocketFault::kNone) return fault;
  }
  if (text_ && !utf8_.is_whole()) return WebSocketFault::kBadUtf8;
  step.event = Event::kMessage;
  step.text = text_;
  step.payload = message_.view();
  message_told_ = true;
  return WebSocketFault::kNone;
}

WebSocketFault WebSocketReader::end_close(Step& step) {
  std::string_view payload(control_.data(), static_cast<std::size_t>(frame_.payload_bytes));
  if (!payload.empty()) {
    if (payload.size() < kCloseCodeBytes) return WebSocketFault::kBadClose;
    const auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                                 static_cast<unsigned char>(payload[1]));
    if (!is_websocket_close_code(code)) return WebSocketFault::kBadClose;
    payload.remove_prefix(kCloseCodeBytes);
    Utf8Checker utf8;
    utf8.take(payload);
    if (!utf8.is_whole()) return WebSocketFault::kBadUtf8;
    step.close_code = code;
  }
  step.event = Event::kClose;
  step.payload = payload;
  state_ = State::kClosed;
  return WebSocketFault::kNone;
}

void WebSocketReader::unmask(std::string_view masked, char* to) const {
  if (frame_.mask.has_value()) {
    apply_websocket_mask(*frame_.mask, frame_read_, masked, to);
  } else {
    masked.copy(to, masked.size());
  }
}

void WebSocketReader::forget_message() {
  in_message_ = message_told_ = false;
  fragments_ = checked_bytes_ = 0;
  packed_bytes_ = 0;
  utf8_.reset();
  message_.release();
}

}  // namespace fairlead::http::proto
