// What one decompression may cost.
#pragma once

#include <cstddef>

#include "fairlead/base/status.h"

namespace fairlead::compress {

// Both bounds are watched while bytes come out, so memory never exceeds them by more than one block
// (64 KiB of gzip, 128 KiB of zstd).
struct InflateLimits {
  std::size_t bytes_max = 8U << 20;          // output; at least 1
  std::size_t ratio_max = 100;               // output bytes per input byte, beyond ratio_free_bytes
  std::size_t ratio_free_bytes = 64U << 10;  // small outputs may have any ratio: it is one block
  // Takes what a gzip stream gives that was flushed and never ended, without its checksum.
  bool may_be_cut = false;

  // Whether `out` bytes may come of an input of `in` bytes.
  // Errors: kTooLarge `compress.too_big` (bytes_max), kTooLarge `compress.bomb` (ratio_max).
  Status check(std::size_t in, std::size_t out) const;
  // The fewest bytes from which `out` bytes may come: what gzip() and zstd() make at least.
  std::size_t input_bytes_min(std::size_t out) const {
    return out <= ratio_free_bytes ? 0 : out / ratio_max + 1;
  }
};

}  // namespace fairlead::compress
