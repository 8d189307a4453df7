// What the protocols of teleport v3 do alike. Private to the room.
#pragma once

#include <cstddef>
#include <string_view>

#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire::internal {

// A payload behind its transforms, and a copy of their ids, in one memory.
struct V3Payload {
  std::string_view transforms{};
  std::string_view payload{};
  Bytes owner{};
};

// Undoes `ids` over `payload`. gzip is read as v3 wrote it: flushed, but never ended.
// Errors: kBadMessage `frame.unknown_transform`, what the transforms say; kTooLarge when more than
//         frame_bytes_max would be restored.
Result<V3Payload> restore_v3(std::string_view ids, std::string_view payload, const Limits& limits,
                             const TransformSet& transforms);

// Opens the envelope of json and pb, which must be all of `input`, and restores its payload.
// Errors: as restore_v3(); kTooLarge `frame.too_big`; kBadMessage `frame.bad_size` also for a frame
//         that is cut or followed by something, `frame.bad_layout`.
Result<V3Payload> open_v3_envelope(std::string_view input, const Limits& limits,
                                   const TransformSet& transforms);

}  // namespace fairlead::wire::internal
