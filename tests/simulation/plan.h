// What a seed decides before anything runs: the network, the limits, and who does how much.
#pragma once

#include <cstddef>

#include "fairlead/base/random.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::simulation {

struct Plan {
  io::NetworkOptions network;
  rpc::PeerOptions limits;
  io::Address listen_at;        // TCP or Unix
  int sessions_per_client = 0;  // beside each other
  int lives_max = 0;            // of a session: dialled again when it has gone
  int actions_per_life = 0;
  std::size_t body_bytes_max = 0;   // of most calls
  std::size_t large_bytes_max = 0;  // of a few calls and their replies
};

Plan draw_plan(Random& random);

}  // namespace fairlead::simulation
