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

// Chances are per segment, 0 .. 1, where nothing else is said.
struct NetworkOptions {
  Duration delay_min = std::chrono::microseconds(50);  // one way; segments of one direction keep
  Duration delay_max = std::chrono::milliseconds(2);   // their order, connections overtake another
  std::size_t segment_bytes_max = 1460;                // bytes travel in pieces of 1 .. this
  std::size_t window_bytes = 64 * 1024;                // per direction: on the way or not yet read
  // A full window is filled on only when so much of it is free, as a system's buffer is.
  std::size_t window_step_bytes = 1;
  std::uint64_t bytes_per_second = 0;  // per direction of a connection; 0: no limit
  // The connection breaks inside this segment, at any of its bytes, and both sides are told: the
  // sender by a read or, as often, by this write. What is on the way may still arrive.
  double reset_chance = 0;
  // The same, but at most one side is told (it is drawn which, or none): the other is half-open.
  double lost_chance = 0;
  // From here on this direction carries nothing, and nobody is told.
  double half_open_chance = 0;
  double stall_chance = 0;  // the reader stops reading for up to stall_max
  Duration stall_max = std::chrono::milliseconds(50);
  double stuck_chance = 0;       // the reader never reads again while its connection lasts
  double refuse_chance = 0;      // per connect
  double unanswered_chance = 0;  // per connect: no answer before the deadline, or in 127 s
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

  // Tells each event as one line, until the simulation has gone:
  //      12.345 ms  client a  link 3 sends bytes 512
  void trace(std::function<void(std::string_view line)> sink);
  // Adds an event of the scenario's own: stands in the trace and in the digest.
  void note(const Core& core, std::string_view subject, std::uint64_t number, std::string_view what,
            std::uint64_t count = 0);
  // A number that two runs share only if the same events happened at the same times.
  std::uint64_t digest() const;
  // Streams that exist now; zero when everything was given back.
  std::size_t streams() const;
  // The most output, in bytes, that any stream held when it was to be sent.
  std::size_t unsent_bytes_peak() const;

  // What a peer that is not ours may do: it sends what it has written and no more, and goes on
  // reading, as after shutdown(SHUT_WR). `stream` is one of this simulation.
  void end_sending(Stream& stream);

 private:
  std::unique_ptr<internal::SimulatedWorld> world_;
};

}  // namespace fairlead::io
