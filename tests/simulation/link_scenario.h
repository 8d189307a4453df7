// One simulated run of callers whose servers come and go under a seed, and what must hold of every
// call between them, whatever the network and the servers do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::simulation {

struct LinkOutcome {
  std::vector<std::string> violations;  // empty: every property held
  std::uint64_t digest = 0;             // of all events: equal only for equal runs
  std::uint64_t calls = 0;
  std::uint64_t replies = 0;  // calls that ended well
  std::uint64_t lives = 0;    // of servers
  bool quiet = false;         // the network lost nothing, and servers ended in order
};

// Two clients call a service of two copies, each over upstream::Service; the copies drain, or die
// with all that they have, and come back, on a network that is more or less broken by the seed.
//
//   every call ends, exactly once, at its deadline at the latest
//   a call that was answered ran once; one that was told NOT_SENT or NOT_PROCESSED never ran; any
//     other ran at most once
//   a reply is the reply to that call
//   a drain cuts no call that could end within its bound (where the network loses nothing)
//   when the copies stay and the network is whole again, calls end well again
//   what waits for a peer that does not read stays under write_queue_bytes_max and one frame
//   in the end nothing is left: no session, no stream, no call, no timer, no byte of the heap
//
// Thread: as run_scenario().
LinkOutcome run_link_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace = {});

}  // namespace fairlead::simulation
