// AddressRange: a net of addresses, "10.0.0.0/8", "fd00::/8", or one alone, "192.0.2.7".
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/io/address.h"

namespace fairlead::io {

// Value type. IPv4 and the same addresses inside IPv6 (::ffff:a.b.c.d) are one.
class AddressRange {
 public:
  using Bits = std::array<std::uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

  // Errors: kBadMessage `address.bad_range`.
  static Result<AddressRange> parse(std::string_view text);
  // The bits of an address without port, "10.1.2.3" or "::1". Errors: kBadMessage `address.bad`.
  static Result<Bits> bits_of(std::string_view host);
  // Of a TCP address; zeros for Unix sockets, which are in no range.
  static Bits bits_of(const Address& address);

  bool contains(const Bits& address) const;

 private:
  Bits bits_{};
  unsigned prefix_ = 0;  // how many of them count, 0 .. 128
};

}  // namespace fairlead::io
