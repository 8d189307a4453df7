// ChunkedDecoder: takes the chunked transfer coding off a body (RFC 9112 section 7.1).
//
//   size [; extension] CR LF  data CR LF  ...  0 CR LF  *( trailer CR LF )  CR LF
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/refusal.h"
#include "fairlead/http/proto/trailers.h"

namespace fairlead::http::proto {

// Extensions are checked and dropped. So are trailers, unless they are asked for; then they lie in
// a table of their own. A trailer never becomes a field, so it cannot change framing, routing or
// identity after they were decided.
//
// Limits: a size has at most 16 digits and is below 2^63; a size line has at most 1 KiB; overhead
//         beyond 16 bytes and twice the data of each chunk adds up to at most 16 KiB (the rule of
//         Go's net/http/internal/chunked.go); trailers as TrailerLimits say.
class ChunkedDecoder {
 public:
  struct Step {
    ParseState state = ParseState::kNeedMore;
    std::size_t consumed = 0;  // bytes of the input that are done with
    std::string_view data;     // a run of body bytes inside them
  };

  // Reads on at the front of `input` until there is a run of body bytes, the end, a refusal, or
  // no byte left. Call again with what follows `consumed` while it is not empty.
  // Errors in refusal(): kBadChunk, kBadTrailer, kTrailerTooLarge.
  Step next(std::string_view input);

  Refusal refusal() const { return refusal_; }
  // Trailers of the body that begins are written to `trailers`, which is cleared; they are complete
  // at kDone. It is borrowed until then, or until reset(), which forgets it and the limits.
  void keep_trailers(Trailers& trailers, TrailerLimits limits = {}) {
    trailers.clear();
    trailers_ = &trailers;
    limits_ = limits;
  }
  void reset() { *this = {}; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kSizeDigits,
    kSizeBlank,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kLine,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kRefused,
  };

  void take(char byte);
  void take_in_size_line(char byte);
  void take_in_trailer(char byte);
  void end_size_line(char byte);
  void refuse(Refusal refusal);

  State state_ = State::kSize;
  Refusal refusal_ = Refusal::kNone;
  std::uint64_t left_ = 0;  // size being read, then bytes left of the chunk
  std::size_t digits_ = 0;
  std::size_t line_bytes_ = 0;  // of the size line
  std::uint64_t excess_ = 0;    // overhead not yet paid for by data
  std::size_t trailer_bytes_ = 0;
  std::size_t trailer_lines_ = 0;
  TrailerLimits limits_;
  Trailers* trailers_ = nullptr;  // null: nobody asked
  std::string trailer_line_;      // as far as it has come; only with `trailers_`
};

// What a head of `head_bytes` and `fields` leaves of its limits: trailers that become a part of a
// message count as if they stood in its head.
TrailerLimits trailer_limits(const HeadLimits& limits, std::size_t head_bytes, std::size_t fields);

}  // namespace fairlead::http::proto
