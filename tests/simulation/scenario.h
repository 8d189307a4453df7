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
  std::uint64_t replies = 0;  // calls that ended well
  std::uint64_t pushes = 0;   // that arrived
};

// Clients and a server on three cores: calls (plain, slow, with a call back), pushes, deadlines,
// cancellations and closes at random, on a network that is more or less broken by the seed.
//
//   every call ends, at its deadline at the latest
//   a reply is the reply to that call, byte for byte
//   PUSHes of a session start in the order in which they were sent
//   in the end nothing is left: no session, no stream, no call
Outcome run_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace = {});

}  // namespace fairlead::simulation
