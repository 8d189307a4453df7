#include "fairlead/wire/transforms/zstd_transform.h"

namespace fairlead::wire {

Status ZstdTransform::pack(std::string_view input, Buffer& output) const {
  return compress::zstd(input, level_, output);
}

Status ZstdTransform::unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const {
  if (input.empty()) return {};
  compress::InflateLimits limits;
  limits.bytes_max = bytes_max;
  return compress::unzstd(input, limits, output);
}

}  // namespace fairlead::wire
