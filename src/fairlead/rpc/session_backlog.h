// What a session knows of a peer that does not read. Private to the session's sources.
#pragma once

#include <cstdint>
#include <memory>

#include "fairlead/async/event.h"
#include "fairlead/base/buffer.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {

struct Session::Backlog {
  std::uint64_t taken = 0;  // by the peer, at the last look that found more than before it
  Time taken_at{};          // when that was
  Time held_since = Time::max();
  Buffer held{};  // frames of CALLs, in their order
  std::uint32_t held_calls = 0;
  std::unique_ptr<Event> room{};  // null: nobody waits
};

}  // namespace fairlead::rpc
