#include "fairlead/compress/limits.h"

#include <string>

namespace fairlead::compress {

Status InflateLimits::check(std::size_t in, std::size_t out) const {
  if (out > bytes_max) {
    return {Code::kTooLarge, "compress.too_big",
            "inflates to more than " + std::to_string(bytes_max) + " bytes"};
  }
  if (in < input_bytes_min(out)) {
    return {Code::kTooLarge, "compress.bomb",
            "inflates to more than " + std::to_string(ratio_max) + " times its size"};
  }
  return {};
}

}  // namespace fairlead::compress
