// What passes between a process and the one that takes its place, over a pair of sockets of their
// own (Unix, packets). Private to the room's sources.
//
//   old ── hand-over: a text, and the descriptors of the listening sockets with it ─► new
//   old ◄─ "ready" ── new: it accepts
//   old ── "go": it has stopped, or "no": it goes on ─► new
//   old ◄─ its end of the pair is closed ── new: whoever looks for it finds it
//
// Who takes no more words before "go" (SHUT_RD) has given up: "go" cannot be said to it.
//
// The text, a line each:  fairlead-upgrade 1 | generation 2 | instance 4711-0a1b2c3d |
// socket 127.0.0.1:0 | lent unix:/run/a, sockets in the order of the descriptors. A line that
// begins with another word is of a later version and means nothing to this one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/listening_sockets.h"

namespace fairlead::runtime {

// What the system takes in one message (SCM_MAX_FD).
inline constexpr std::size_t kSocketsMax = 253;
// Names the descriptor of the new process's end. Not FAIRLEAD_: those are keys of configurations.
inline constexpr const char* kUpgradeVariable = "FL_UPGRADE_SOCKET";

inline constexpr std::string_view kReady = "ready";
inline constexpr std::string_view kGo = "go";
inline constexpr std::string_view kNo = "no";

struct HandOver {
  std::uint32_t generation = 0;  // of the new process; the first one is 1
  std::string instance{};        // the id in the registry that it goes on with; empty: none
  std::vector<io::ListeningSockets::Socket> sockets{};
};

// Descriptors stay the caller's. Errors: kLocalLimit `upgrade.too_many_sockets`, kInternal
// `upgrade.not_sent`.
Status send_hand_over(int socket, const HandOver& hand_over);
// Waits until `patience` is over; descriptors are the caller's then, in whatever state. Errors:
// kInvalidOperation `upgrade.bad_hand_over` (nothing came, or not this), no descriptor is left.
Result<HandOver> receive_hand_over(int socket, Duration patience);

// A word; false: nobody takes it.
bool send_word(int socket, std::string_view word);
// The next word; empty: none within `patience`, or the other side is gone (`gone`).
std::string receive_word(int socket, Duration patience, bool& gone);

}  // namespace fairlead::runtime
