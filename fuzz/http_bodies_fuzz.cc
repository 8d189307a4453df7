// Target: bodies taken off a connection. The two ways of it, whole and in pieces, must agree.
#include <algorithm>
#include <string>

#include "fairlead/base/check.h"
#include "fairlead/http/body_pieces.h"
#include "fairlead/http/body_reader.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

namespace proto = http::proto;
using proto::ParseState;

constexpr std::size_t kBytesMax = 4096;
constexpr proto::TrailerLimits kTrailers{.bytes_max = 512, .lines_max = 8};

struct Outcome {
  ParseState state = ParseState::kNeedMore;
  proto::Refusal refusal = proto::Refusal::kNone;
  std::size_t consumed = 0;
  std::string body;
  std::string trailers;
};

std::string text_of(const proto::Trailers& trailers) {
  std::string text;
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    text.append(trailers[i].name).append(":").append(trailers[i].value).append("\n");
  }
  return text;
}

// `next(rest)` is one step at the front of what has come and was not taken; it gives what it took.
// A byte more than `piece` comes each time, so that cuts fall everywhere.
template <class Next>
void feed(std::string_view input, std::size_t piece, Outcome& outcome, Next next) {
  std::size_t come = 0;
  while (come < input.size() && outcome.state == ParseState::kNeedMore) {
    come = std::min(input.size(), come + piece++);
    while (outcome.consumed < come && outcome.state == ParseState::kNeedMore) {
      const std::string_view rest = input.substr(outcome.consumed, come - outcome.consumed);
      const std::size_t took = next(Bytes(rest));
      FL_CHECK(took <= rest.size());
      outcome.consumed += took;
      if (took == 0) break;
    }
  }
}

Outcome read_whole(const proto::Framing& framing, std::string_view input, std::size_t piece) {
  Outcome outcome;
  http::internal::BodyReader reader;
  proto::Trailers trailers;
  if (!reader.start(framing, kBytesMax)) {
    outcome.state = ParseState::kRefused;
    outcome.refusal = reader.refusal();
    return outcome;
  }
  reader.keep_trailers(trailers, kTrailers);
  feed(input, piece, outcome, [&](const Bytes& rest) {
    io::ReadResult read;
    outcome.state = reader.read(rest, read);
    return read.consumed;
  });
  outcome.refusal = reader.refusal();
  if (outcome.state != ParseState::kRefused) outcome.body = reader.take().view();
  if (outcome.state == ParseState::kDone) outcome.trailers = text_of(trailers);
  return outcome;
}

Outcome read_pieces(const proto::Framing& framing, std::string_view input, std::size_t piece) {
  Outcome outcome;
  http::internal::BodyPieces pieces;
  proto::Trailers trailers;
  if (!pieces.start(framing, kBytesMax)) {
    outcome.state = ParseState::kRefused;
    outcome.refusal = pieces.refusal();
    return outcome;
  }
  pieces.keep_trailers(trailers, kTrailers);
  feed(input, piece, outcome, [&](const Bytes& rest) {
    const auto step = pieces.next(rest);
    outcome.state = step.state;
    if (step.state != ParseState::kRefused) outcome.body += step.data.view();
    return step.consumed;
  });
  outcome.refusal = pieces.refusal();
  if (outcome.state == ParseState::kDone) outcome.trailers = text_of(trailers);
  return outcome;
}

}  // namespace

// The first byte says how the body is framed, the second one how long it is said to be, the third
// one how it is cut.
void http_bodies(std::string_view input) {
  if (input.size() < 3) return;
  constexpr proto::BodyKind kKinds[] = {proto::BodyKind::kLength, proto::BodyKind::kChunked,
                                        proto::BodyKind::kUntilClose};
  proto::Framing framing;
  framing.body = kKinds[static_cast<std::uint8_t>(input[0]) % 3];
  framing.length = static_cast<std::uint64_t>(static_cast<std::uint8_t>(input[1])) * 17 + 1;
  const std::size_t piece = static_cast<std::uint8_t>(input[2]) + std::size_t{1};
  input.remove_prefix(3);

  const Outcome whole = read_whole(framing, input, input.size() + 1);
  for (const Outcome& other :
       {read_whole(framing, input, piece), read_pieces(framing, input, piece),
        read_pieces(framing, input, input.size() + 1)}) {
    FL_CHECK(other.state == whole.state && other.refusal == whole.refusal);
    FL_CHECK(other.trailers == whole.trailers);
    if (whole.state != ParseState::kDone) continue;  // a whole one of known length gives no part
    FL_CHECK(other.body == whole.body && other.consumed == whole.consumed);
  }
  FL_CHECK(whole.body.size() <= kBytesMax);
}

}  // namespace fairlead::fuzz
