// The client of teleport_peer.
#pragma once

#include "flags.h"

namespace teleport_peer {

// Runs the checks and prints a line for each; the exit code: 0 all passed, 1 not, 2 bad flags, 130
// when it was told to end.
int run_client(const Flags& flags);

}  // namespace teleport_peer
