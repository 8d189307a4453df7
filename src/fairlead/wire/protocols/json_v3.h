// json: the protocol of teleport v3's extensions, which no peer of ours speaks; read to check
// vectors.
//
//   u32  length of the frame, without these 4 bytes
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload: what follows has passed through the transforms ----
//   {"seq":"0","ptype":1,"uri":"/m?a=b","meta":"","body_codec":106,"body":".."}
//
// Read like json of today (json_protocol.h): keys in any order, strings in Go's quoting, the body
// with nothing escaped but its quotes.
#pragma once

#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/wire/protocols/v3_message.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// Reads `input`, which must be exactly one frame. gzip is read as v3 wrote it: flushed, but never
// ended.
// Errors: kTooLarge `frame.too_big`; kBadMessage `frame.bad_size`, `frame.bad_layout`,
//         `frame.unknown_transform`, and what the transforms say.
Result<V3Message> parse_json_v3(std::string_view input, const Limits& limits,
                                const TransformSet& transforms);

}  // namespace fairlead::wire
