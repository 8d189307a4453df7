// pb: the protobuf protocol of teleport v3's extensions, which no peer of ours speaks; read to
// check vectors.
//
//   u32  length of the frame, without these 4 bytes
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload, a proto3 message: what follows has passed through the transforms ----
//   1 seq string | 2 ptype int32 | 3 uri string | 4 meta bytes | 5 body_codec int32 | 6 body bytes
//
// Read like pb of today (pb_protocol.h): fields in any order, the last of a repeated one counts,
// unknown ones are skipped.
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
Result<V3Message> parse_pb_v3(std::string_view input, const Limits& limits,
                              const TransformSet& transforms);

}  // namespace fairlead::wire
