#include "fairlead/wire/transforms/gzip_transform.h"

namespace fairlead::wire {

Status GzipTransform::pack(std::string_view input, Buffer& output) const {
  return compress::gzip(input, level_, output);
}

Status GzipTransform::unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const {
  if (input.empty()) return {};
  compress::InflateLimits limits;
  limits.bytes_max = bytes_max;
  return compress::gunzip(input, limits, output);
}

}  // namespace fairlead::wire
