#include "fairlead/http/body_pieces.h"

#include <algorithm>

namespace fairlead::http::internal {

using proto::BodyKind;
using proto::ParseState;
using proto::Refusal;

bool BodyPieces::start(const proto::Framing& framing, std::uint64_t bytes_max) {
  framing_ = framing;
  refusal_ = Refusal::kNone;
  chunks_.reset();
  left_ = framing.body == BodyKind::kLength ? framing.length : bytes_max;
  if (framing.body != BodyKind::kLength || framing.length <= bytes_max) return true;
  refusal_ = Refusal::kBodyTooLarge;
  return false;
}

BodyPieces::Step BodyPieces::next(const Bytes& input) {
  Step step;
  switch (framing_.body) {
    case BodyKind::kNone:
      step.state = ParseState::kDone;
      return step;
    case BodyKind::kLength:
      step.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      step.data = input.slice(0, step.consumed);
      left_ -= step.consumed;
      if (left_ == 0) step.state = ParseState::kDone;
      return step;
    case BodyKind::kUntilClose:
      step.consumed = input.size();
      step.data = input;
      break;
    case BodyKind::kChunked: {
      const proto::ChunkedDecoder::Step chunk = chunks_.next(input.view());
      step.state = chunk.state;
      step.consumed = chunk.consumed;
      step.data = Bytes(input.chunk(), chunk.data);
      if (chunk.state == ParseState::kRefused) refusal_ = chunks_.refusal();
      break;
    }
  }
  if (step.data.size() > left_) {
    refusal_ = Refusal::kBodyTooLarge;
    step.state = ParseState::kRefused;
    return step;
  }
  left_ -= step.data.size();
  return step;
}

}  // namespace fairlead::http::internal
