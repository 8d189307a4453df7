#include "fairlead/wire/message.h"

#include <limits>
#include <string>

namespace fairlead::wire {

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kCall:
      return "CALL";
    case Kind::kReply:
      return "REPLY";
    case Kind::kPush:
      return "PUSH";
    case Kind::kAuthCall:
      return "AUTH_CALL";
    case Kind::kAuthReply:
      return "AUTH_REPLY";
  }
  return "UNDEFINED";
}

Status Limits::validate() const {
  if (frame_bytes_max >= kFrameBytesMin &&
      frame_bytes_max <= std::numeric_limits<std::int32_t>::max()) {
    return {};
  }
  return {Code::kInvalidOperation, "frame.bad_limit",
          "frame_bytes_max is " + std::to_string(frame_bytes_max) + "; it must be 20 .. 2^31-1"};
}

}  // namespace fairlead::wire
