// RawRequest: a message whose body is encoded already, for senders that do not know its type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fairlead/base/bytes.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/resend_queue.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::rpc {

// Not copied by head(): outlives it.
struct RawRequest {
  std::string method{};
  std::uint8_t body_codec = wire::kNoCodec;
  Bytes body{};
  std::string metadata{};    // encoded text
  std::string transforms{};  // ids
  wire::SecureForm secure = wire::SecureForm::kPlain;
  std::optional<DeliveryMode> delivery{};  // none: as its sender usually does
  // Where nobody can be sent to now: waits until the deadline, and does not fail at once.
  bool wait_for_ready = false;

  CallHead head() const {
    return {.method = method,
            .body_codec = body_codec,
            .metadata = metadata,
            .transforms = transforms,
            .secure = secure};
  }
};

}  // namespace fairlead::rpc
