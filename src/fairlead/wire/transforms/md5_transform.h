#pragma once

#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// Id `m`: the payload followed by the 16 bytes of its MD5 (RFC 1321). It finds damage, not forgery.
class Md5Transform final : public Transform {
 public:
  std::uint8_t id() const override { return 'm'; }
  std::string_view name() const override { return "md5"; }
  // Errors: kInternal `transform.md5_unavailable` (the crypto library refuses MD5),
  //         unpack: kBadMessage `transform.md5_mismatch` (also: too short), kTooLarge
  //         `frame.too_big`.
  Status pack(std::string_view input, Buffer& output) const override;
  Status unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const override;
};

}  // namespace fairlead::wire
