#include "fairlead/http/body_reader.h"

#include <algorithm>
#include <utility>

namespace fairlead::http::internal {

using proto::BodyKind;
using proto::ParseState;
using proto::Refusal;

namespace {
constexpr std::size_t kRoomMin = std::size_t{16} << 10U;
}

bool BodyReader::start(const proto::Framing& framing, std::size_t bytes_max) {
  framing_ = framing;
  bytes_max_ = bytes_max;
  refusal_ = Refusal::kNone;
  chunks_.reset();
  gathered_.release();
  whole_ = {};
  if (framing.body != BodyKind::kLength || framing.length <= bytes_max) return true;
  refusal_ = Refusal::kBodyTooLarge;
  return false;
}

ParseState BodyReader::read(const Bytes& input, io::ReadResult& read) {
  read = {};
  switch (framing_.body) {
    case BodyKind::kNone:
      return ParseState::kDone;
    case BodyKind::kLength: {
      const auto length = static_cast<std::size_t>(framing_.length);
      if (input.size() < length) {
        // Room grows with what comes, not with what was promised.
        read.wanted = std::min(length, std::max(kRoomMin, 2 * input.size()));
        return ParseState::kNeedMore;
      }
      whole_ = input.slice(0, length);
      read.consumed = length;
      return ParseState::kDone;
    }
    case BodyKind::kUntilClose:
      read.consumed = input.size();
      return gather(input.view()) ? ParseState::kNeedMore : ParseState::kRefused;
    case BodyKind::kChunked:
      break;
  }
  while (read.consumed < input.size()) {
    const proto::ChunkedDecoder::Step step = chunks_.next(input.view().substr(read.consumed));
    read.consumed += step.consumed;
    if (!gather(step.data)) return ParseState::kRefused;
    if (step.state == ParseState::kRefused) refusal_ = chunks_.refusal();
    if (step.state != ParseState::kNeedMore) return step.state;
  }
  return ParseState::kNeedMore;
}

Bytes BodyReader::take() {
  if (!gathered_.empty()) {
    whole_ = Bytes(gathered_.view());
    gathered_.release();
  }
  return std::exchange(whole_, {});
}

bool BodyReader::gather(std::string_view data) {
  if (data.size() > bytes_max_ - gathered_.size()) {
    refusal_ = Refusal::kBodyTooLarge;
    return false;
  }
  gathered_.append(data);
  return true;
}

}  // namespace fairlead::http::internal
