// fast: the protocol of teleport v3, which no peer of ours speaks; it is read to check vectors.
// All integers big-endian.
//
//   u32  length of the frame, with these 4 bytes
//   u8   'f'
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload: what follows has passed through the transforms ----
//   u32  length of seq; seq, any text       u8   kind: 1 PULL (now CALL), 2 REPLY, 3 PUSH
//   u32  length of uri; uri with its query  u32  length of metadata; metadata text
//   u8   body codec                         ...  body, up to the end
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
Result<V3Message> parse_fast_v3(std::string_view input, const Limits& limits,
                                const TransformSet& transforms);

}  // namespace fairlead::wire
