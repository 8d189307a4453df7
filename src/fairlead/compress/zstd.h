// Zstandard (RFC 8878) of whole bodies, with limits that stop a bomb while it inflates.
#pragma once

#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/compress/limits.h"

namespace fairlead::compress {

inline constexpr int kZstdLevelDefault = 3;

// The largest window that we read, as a power of two: 8 MiB, what RFC 8878 3.1.1.1.2 asks every
// decoder to have and RFC 9659 allows at most.
inline constexpr int kZstdWindowLogMax = 23;

// Appends `input` as one zstd frame to `output`, with its size in the head and a checksum at the
// end. `level` 1 (fast) .. 19 (small). A result so dense that the default ratio limit would refuse
// it is followed by a skippable frame that makes it longer, so unzstd() with the same limit on
// bytes reads whatever zstd() wrote. Errors: kInternal `compress.failed` (no memory); `output` is
// then as before.
Status zstd(std::string_view input, int level, Buffer& output);

// Appends what the frames in `input` hold to `output`. At least one frame; skippable frames are
// passed over; nothing else may follow. Frames that need a dictionary are refused. On an error
// `output` is as before.
// Errors: kBadMessage `compress.bad_data` (cut, garbage, wrong checksum),
//         kTooLarge `compress.too_big` (bytes_max, or a window above 8 MiB), kTooLarge
//         `compress.bomb` (ratio_max), kInternal `compress.failed` (no memory).
Status unzstd(std::string_view input, const InflateLimits& limits, Buffer& output);

}  // namespace fairlead::compress
