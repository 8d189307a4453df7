#include "fairlead/http/proto/chunked.h"

#include <algorithm>

#include "fairlead/base/check.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {
namespace {

constexpr std::size_t kSizeDigitsMax = 16;
constexpr std::size_t kSizeLineBytesMax = 1024;
constexpr std::uint64_t kExcessBytesMax = 16384;

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view input) {
  Step step;
  while (step.consumed < input.size() && state_ != State::kDone && state_ != State::kRefused) {
    if (state_ != State::kData) {
      take(input[step.consumed++]);
      continue;
    }
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - step.consumed));
    step.data = input.substr(step.consumed, count);
    step.consumed += count;
    left_ -= count;
    if (left_ == 0) state_ = State::kDataCr;
    return step;
  }
  if (state_ == State::kDone) step.state = ParseState::kDone;
  if (state_ == State::kRefused) step.state = ParseState::kRefused;
  return step;
}

void ChunkedDecoder::take(char byte) {
  switch (state_) {
    case State::kSize:
    case State::kSizeDigits:
    case State::kSizeBlank:
    case State::kExtension:
      take_in_size_line(byte);
      break;
    case State::kSizeLf:
      end_size_line(byte);
      break;
    case State::kDataCr:
      byte == '\r' ? void(state_ = State::kDataLf) : refuse(Refusal::kBadChunk);
      break;
    case State::kDataLf:
      byte == '\n' ? void(state_ = State::kSize) : refuse(Refusal::kBadChunk);
      break;
    default:
      take_in_trailer(byte);
      break;
  }
}

void ChunkedDecoder::take_in_size_line(char byte) {
  if (++line_bytes_ > kSizeLineBytesMax) return refuse(Refusal::kBadChunk);
  if (state_ == State::kSize || state_ == State::kSizeDigits) {
    if (const int digit = hex_value(byte); digit >= 0) {
      left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      state_ = State::kSizeDigits;
      if (++digits_ > kSizeDigitsMax || left_ > INT64_MAX) refuse(Refusal::kBadChunk);
      return;
    }
    if (state_ == State::kSize) return refuse(Refusal::kBadChunk);
  }
  if (byte == '\r' && state_ != State::kSizeBlank) {
    state_ = State::kSizeLf;
  } else if (state_ == State::kExtension) {
    if (!is_char(byte, kValueChar)) refuse(Refusal::kBadChunk);
  } else if (byte == ';') {
    state_ = State::kExtension;
  } else if (byte == ' ' || byte == '\t') {
    state_ = State::kSizeBlank;  // allowed only before an extension
  } else {
    refuse(Refusal::kBadChunk);
  }
}

void ChunkedDecoder::end_size_line(char byte) {
  if (byte != '\n') return refuse(Refusal::kBadChunk);
  excess_ += line_bytes_;
  const std::uint64_t paid = 16 + 2 * std::min<std::uint64_t>(left_, kExcessBytesMax * 2);
  excess_ = excess_ > paid ? excess_ - paid : 0;
  if (excess_ > kExcessBytesMax) return refuse(Refusal::kBadChunk);
  state_ = left_ == 0 ? State::kLine : State::kData;
  line_bytes_ = digits_ = 0;
}

void ChunkedDecoder::take_in_trailer(char byte) {
  if (++trailer_bytes_ > limits_.bytes_max) return refuse(Refusal::kTrailerTooLarge);
  if (trailers_ != nullptr && byte != '\r' && byte != '\n') trailer_line_ += byte;
  switch (state_) {
    case State::kLine:
      if (byte == '\r') {
        state_ = State::kEndLf;
      } else if (++trailer_lines_ > limits_.lines_max) {
        refuse(Refusal::kTrailerTooLarge);
      } else {
        is_char(byte, kTokenChar) ? void(state_ = State::kTrailerName)
                                  : refuse(Refusal::kBadTrailer);
      }
      break;
    case State::kTrailerName:
      if (byte == ':') {
        state_ = State::kTrailerValue;
      } else if (!is_char(byte, kTokenChar)) {
        refuse(Refusal::kBadTrailer);
      }
      break;
    case State::kTrailerValue:
      if (byte == '\r') {
        state_ = State::kTrailerLf;
      } else if (!is_char(byte, kValueChar)) {
        refuse(Refusal::kBadTrailer);
      }
      break;
    default: {
      if (byte != '\n') return refuse(Refusal::kBadTrailer);
      if (trailers_ != nullptr && state_ == State::kTrailerLf) {
        FL_CHECK(trailers_->add_line(trailer_line_));  // the states let no other line come here
        trailer_line_.clear();
      }
      state_ = state_ == State::kEndLf ? State::kDone : State::kLine;
      break;
    }
  }
}

void ChunkedDecoder::refuse(Refusal refusal) {
  refusal_ = refusal;
  state_ = State::kRefused;
}

TrailerLimits trailer_limits(const HeadLimits& limits, std::size_t head_bytes, std::size_t fields) {
  constexpr std::size_t kEmptyLine = 2;  // it ends the body even when nothing is left
  const TrailerLimits most;
  const std::size_t bytes = limits.head_bytes_max - std::min(head_bytes, limits.head_bytes_max);
  const std::size_t lines = limits.fields_max - std::min(fields, limits.fields_max);
  return {.bytes_max = std::clamp(bytes, kEmptyLine, most.bytes_max),
          .lines_max = std::min(lines, most.lines_max)};
}

}  // namespace fairlead::http::proto
