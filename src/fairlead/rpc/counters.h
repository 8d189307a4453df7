// Counters of one peer: what happened on all of its sessions. Plain numbers, one owner.
#pragma once

#include <cstdint>

namespace fairlead::rpc {

struct Counters {
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_closed = 0;
  std::uint64_t calls_sent = 0;
  std::uint64_t calls_timed_out = 0;
  std::uint64_t calls_received = 0;
  std::uint64_t calls_failed = 0;   // answered with an error
  std::uint64_t calls_refused = 0;  // answered with an error before any handler ran
  std::uint64_t pushes_sent = 0;
  std::uint64_t pushes_received = 0;
  std::uint64_t pushes_failed = 0;  // no route, or the handler returned an error
  std::uint64_t replies_late = 0;   // nobody waited any more
  std::uint64_t protocol_errors = 0;
};

}  // namespace fairlead::rpc
