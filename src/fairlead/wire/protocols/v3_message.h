// A message of teleport v3, which no peer of ours speaks: its protocols fast, json and pb are read
// to check vectors, and for nothing else.
#pragma once

#include <cstdint>
#include <string_view>

#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// One message, with the memory that its views lie in. Errors travel in the metadata, as JSON under
// X-Reply-Error.
struct V3Message {
  std::string_view seq{};  // any text that the caller chose
  std::uint8_t kind = 0;   // 1 PULL (now CALL), 2 REPLY, 3 PUSH; 0 is allowed
  std::uint8_t body_codec = kNoCodec;
  std::string_view uri{};  // with its query
  std::string_view metadata{};
  std::string_view transforms{};
  std::string_view body{};
  Bytes owner{};
};

// parse_fast_v3() and its like: reads `input`, which must be exactly one frame.
using V3Parser = Result<V3Message> (*)(std::string_view input, const Limits& limits,
                                       const TransformSet& transforms);

// "fast", "json" or "pb"; null when v3 had no protocol of this name.
V3Parser find_v3_parser(std::string_view name);

}  // namespace fairlead::wire
