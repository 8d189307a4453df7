// What our echo server offers: bytes, which no codec touches, and a struct of five fields, which
// shows what JSON and protobuf cost.
#pragma once

#include <cstdint>
#include <string>

#include "fairlead/fairlead.h"

namespace echo_service {

struct Profile {
  std::int64_t id = 0;
  std::string name{};
  std::string mail{};
  std::uint32_t visits = 0;
  bool active = false;
};
FL_STRUCT(Profile, (1, id), (2, name), (3, mail), (4, visits), (5, active))

struct Echo {
  static fl::Bytes bytes(fl::Bytes);  // CALL /echo/bytes
  static Profile profile(Profile);    // CALL /echo/profile
};
FL_SERVICE(Echo, (bytes), (profile))

struct EchoLogic {
  fl::Bytes bytes(fl::Bytes in) const { return in; }
  Profile profile(Profile in) const { return in; }
};

}  // namespace echo_service
