// One simulated run of peers under a seed, and what must hold in it whatever the network does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::simulation {

struct Outcome {
  std::vector<std::string> violations;  // empty: every property held
  std::uint64_t digest = 0;             // of all events: equal only for equal runs
  std::uint64_t calls = 0;
  std::uint64_t replies = 0;          // calls that ended well
  std::uint64_t pushes = 0;           // that arrived
  std::size_t unsent_bytes_peak = 0;  // the most that a stream held back
};

// Two clients and a server on three cores: calls in both directions (plain, slow, large, with a
// call back), pushes, deadlines, cancellations, closes by either side, strangers; on a network that
// is more or less broken by the seed.
//
//   every call ends, exactly once, at its deadline at the latest
//   a reply is the reply to that call, byte for byte, also while it is held
//   PUSHes of a session start in the order in which they were sent
//   what waits for a peer that does not read stays under write_queue_bytes_max and one frame
//   in the end nothing is left: no session, no stream, no call, no timer, no byte of the heap
//
// The run has a thread of its own, whose end gives back what threads keep for themselves (frames of
// coroutines, blocks of buffers): the heap is compared after it. `trace` gets each event as a line.
// Thread: one run at a time in a process, and nobody else may use the heap meanwhile.
Outcome run_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace = {});

}  // namespace fairlead::simulation
