#pragma once

#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// Id `c`: the payload followed by the 4 bytes of its CRC-32C, big-endian like every number of a
// frame. Ours, not known to erpc. It finds damage at a small part of md5's cost, not forgery.
class Crc32cTransform final : public Transform {
 public:
  std::uint8_t id() const override { return 'c'; }
  std::string_view name() const override { return "crc32c"; }
  // Errors: unpack: kBadMessage `transform.crc32c_mismatch` (also: too short), kTooLarge
  //         `frame.too_big`.
  Status pack(std::string_view input, Buffer& output) const override;
  Status unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const override;
};

}  // namespace fairlead::wire
