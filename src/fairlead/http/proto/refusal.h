// Refusal: why a message is refused, with its HTTP status and its stable reason token.
//
// The parsers return this small number instead of a Status, so that the byte paths allocate
// nothing; whoever answers the peer turns it into a Status once.
#pragma once

#include <cstdint>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead::http::proto {

enum class Refusal : std::uint8_t {
  kNone,
  kBadStartLine,
  kBadTarget,
  kBadPath,
  kBadQuery,
  kBadVersion,
  kBadField,
  kBadHost,
  kBadLength,
  kLengthAndCoding,
  kCodingInHttp10,
  kUnknownCoding,
  kBadChunk,
  kBadTrailer,
  kBadExpect,
  kMethodTooLong,
  kConnect,
  kTargetTooLong,
  kHeadTooLarge,
  kTooManyFields,
  kTrailerTooLarge,
  kBodyTooLarge,
  kHeadTimeout,
  kBodyTimeout,
  kMisdirected,
};
inline constexpr std::size_t kRefusalCount = 25;

// One row per refusal.
struct RefusalRow {
  int http_status;          // what a server answers; a client reports 502 whatever stands here
  std::string_view reason;  // stable token, "http.bad_field"
  std::string_view text;    // for people, names the rule
};

const RefusalRow& refusal_row(Refusal refusal);

// The refusal as a Status for a server: its code is the HTTP status. OK for kNone.
Status to_status(Refusal refusal);

}  // namespace fairlead::http::proto
