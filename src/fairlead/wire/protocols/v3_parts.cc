#include "fairlead/wire/protocols/v3_parts.h"

#include <cstdint>
#include <utility>

#include "fairlead/base/buffer.h"
#include "fairlead/compress/gzip.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/protocols/frame_parts.h"

namespace fairlead::wire::internal {
namespace {

Status undo(const TransformSet& transforms, char id, std::string_view input, std::size_t bytes_max,
            Buffer& output) {
  if (id == 'g') {
    compress::InflateLimits limits;
    limits.bytes_max = bytes_max;
    limits.may_be_cut = true;
    return compress::gunzip(input, limits, output);
  }
  return transforms.unpack({&id, 1}, input, bytes_max, output);
}

}  // namespace

Result<V3Payload> restore_v3(std::string_view ids, std::string_view payload, const Limits& limits,
                             const TransformSet& transforms) {
  Buffer current(payload);
  for (const char id : ids) {
    Buffer next;
    FL_TRY(undo(transforms, id, current.view(), limits.frame_bytes_max, next));
    current.swap(next);
  }
  const std::size_t size = current.size();
  current.append(ids);
  V3Payload restored;
  restored.owner = Bytes(current.view());
  restored.payload = restored.owner.view().substr(0, size);
  restored.transforms = restored.owner.view().substr(size);
  return restored;
}

Result<V3Payload> open_v3_envelope(std::string_view input, const Limits& limits,
                                   const TransformSet& transforms) {
  const Envelope envelope = open_envelope(input, limits);
  if (envelope.state == Received::State::kError) {
    return fault_status(envelope.fault, envelope.size, limits);
  }
  if (envelope.state == Received::State::kNeedMore || envelope.size != input.size()) {
    return fault_status(Fault::kBadSize, static_cast<std::uint32_t>(input.size()), limits);
  }
  return restore_v3(envelope.transforms, envelope.payload, limits, transforms);
}

}  // namespace fairlead::wire::internal
