// Times that differ from one link to the next, so that many do not act at one moment. Private to
// the room.
#pragma once

#include <cstdint>

#include "fairlead/base/time.h"

namespace fairlead::rpc::internal {

// A part of `whole`, from nothing up to it. Multiples of the golden ratio are spread evenly,
// however many there are: numbers in a row give parts far from each other.
inline Duration spread_part(Duration whole, std::uint64_t number) {
  const std::uint64_t fraction = number * 0x9E37'79B9'7F4A'7C15ULL;
  const double part = static_cast<double>(fraction >> 11) * 0x1.0p-53;
  return Duration(static_cast<Duration::rep>(static_cast<double>(whole.count()) * part));
}

}  // namespace fairlead::rpc::internal
