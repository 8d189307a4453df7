// gzip (RFC 1952) of whole bodies, with limits that stop a bomb while it inflates.
#pragma once

#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/compress/limits.h"

namespace fairlead::compress {

inline constexpr int kGzipLevelDefault = 5;

// Appends `input` as one gzip member to `output`. The header has mtime 0 and OS byte 255, so equal
// input gives equal bytes. `level` 1 (fast) .. 9 (small). What would be smaller than gunzip() with
// the default limits takes is made longer by empty blocks, which every decoder passes over.
// Errors: kInternal `compress.failed` (no memory); `output` is then as before.
Status gzip(std::string_view input, int level, Buffer& output);

// Appends what the gzip members in `input` hold to `output`. At least one member; nothing may
// follow the last one. On an error `output` is as before.
// Errors: kBadMessage `compress.bad_data` (cut, garbage, wrong checksum),
//         kTooLarge `compress.too_big` (bytes_max), kTooLarge `compress.bomb` (ratio_max).
Status gunzip(std::string_view input, const InflateLimits& limits, Buffer& output);

}  // namespace fairlead::compress
