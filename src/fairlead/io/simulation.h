// Simulation: cores on virtual time and a network that misbehaves by a seed.
//
// What runs on io::Core runs here unchanged, in one thread: time jumps from one event to the next,
// and every choice (delays, cuts, which core goes first) comes from one seeded generator, so that a
// seed replays exactly.
//
//   Simulation simulation(seed, {.reset_chance = 0.001});
//   Core& client = simulation.add_core("client");
//   Core& server = simulation.add_core("server");
//   ... listen on one, connect from the other ...
//   client.run(scenario());    // the other cores run whenever this one waits
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/random.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"

namespace fairlead::io {

// Chances are per segment, 0 .. 1.
struct NetworkOptions {
  Duration delay_min = std::chrono::microseconds(50);  // one way; segments of one direction keep
  Duration delay_max = std::chrono::milliseconds(2);   // their order, connections overtake another
  std::size_t segment_bytes_max = 1460;                // bytes travel in pieces of 1 .. this
  std::size_t window_bytes = 64 * 1024;                // per direction: on the way or not yet read
  double reset_chance = 0;      // the connection breaks here, seen by both sides
  double half_open_chance = 0;  // from here on nothing arrives and nobody is told
  double stall_chance = 0;      // the reader stops reading for up to stall_max
  Duration stall_max = std::chrono::milliseconds(50);
  double refuse_chance = 0;  // per connect
};

namespace internal {
class SimulatedCore;
class SimulatedStream;
struct SimulatedWorld;
}  // namespace internal

// Thread: one, for the simulation and all of its cores. Lifetime: outlives what lives on its cores.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed, NetworkOptions options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // A core of this world; `name` stands in the trace. Lives as long as the simulation.
  Core& add_core(std::string name);
  Time now() const;
  // For the scenario's own choices: the same generator.
  Random& random();

  // Tells each event of the network as one line, until the simulation has gone.
  void trace(std::function<void(std::string_view line)> sink);
  // A number that two runs share only if the same events happened at the same times.
  std::uint64_t digest() const;
  // Streams that exist now; zero when everything was given back.
  std::size_t streams() const;

 private:
  std::unique_ptr<internal::SimulatedWorld> world_;
};

}  // namespace fairlead::io
