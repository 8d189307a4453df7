// One simulated run of an rpc::Entrance under a seed, and what must hold in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::simulation {

struct EntranceOutcome {
  std::vector<std::string> violations;  // empty: every property held
  std::uint64_t digest = 0;             // of all events: equal only for equal runs
  std::uint64_t accepted = 0;
  std::uint64_t rpc = 0;   // that went through the door of rpc
  std::uint64_t http = 0;  // and of HTTP
};

// Some dozen connections that say, in pieces and at any pace, what they speak, or nothing, plain or
// inside TLS, to a listener that speaks what the seed says; some break off, and in some runs the
// entrance is drained in the middle.
//
//   a connection goes through one door at most, and through the one of what it says
//   one that goes through none is closed and counted (looked at where the network is a good one)
//   the door gets every byte in its order, and all of them before the end
//   in the end nothing is left: no undecided connection, stream, timer or byte of the heap
//
// Thread, trace: as run_scenario().
EntranceOutcome run_entrance_scenario(std::uint64_t seed,
                                      std::function<void(std::string_view)> trace = {});

}  // namespace fairlead::simulation
