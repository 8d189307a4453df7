// The server of teleport_peer.
#pragma once

#include "flags.h"

namespace teleport_peer {

// Serves until INT, TERM or, where told, the end of the input; the exit code.
int run_server(const Flags& flags);

}  // namespace teleport_peer
