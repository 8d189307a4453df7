// Who asks a running process to let a new one take its place, and how that is answered.
//
//   who asks ── USR2, each second until it is answered ─────► process
//   who asks ◄─ a datagram, to the address made of its pid ── process, when it is over
//
// So neither a file nor a port is needed, and `kill -USR2` without anybody who listens works too.
// The sender of the datagram is told by the system: nobody else's word counts. Signals that come
// together are one, and that one has one sender: so who was lost asks again.
#pragma once

#include <sys/types.h>

#include <chrono>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"

namespace fairlead::runtime {

// Asks process `pid` and waits for the outcome; gives the process that took over. Blocks. Errors:
//   kDialFailed `upgrade.no_process`, kForbidden `upgrade.not_allowed`,
//   kInvalidOperation `upgrade.not_possible`: the process does not wait for USR2, which could end
//   it,
//   kDeadlineExceeded `upgrade.no_answer`: not within `patience`; it may still come to be,
//   kInternal `upgrade.died`: the process ended without a word to us, perhaps by an upgrade that
//   somebody else asked for,
//   kInternal `upgrade.no_socket`; and those of Upgrade and of who refuses, as they were answered.
Result<pid_t> ask_for_upgrade(pid_t pid, Duration patience);
// How soon it asks again. One that has its answer may have done so just before.
inline constexpr Duration kAskAgain = std::chrono::seconds(1);

// Tells process `asker` how it ended; 0: nobody asked. Never waits. False: nobody waits for it
// there.
bool answer_upgrade(pid_t asker, const Result<pid_t>& outcome);

}  // namespace fairlead::runtime
