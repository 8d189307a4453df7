// Bounds: what happens when a limit of the process is reached, told in one place.
//
//   a thing is refused, closed or has to wait ─► hit() ─┬► fairlead_rpc_bound_hits_total{bound}
//                                                       └► `bound.hit`, once a minute for each
//                                                       bound
//
// The line names the setting and the limit, and says how often it was hit since the line before, so
// that whoever reads it knows what to raise. docs/reference/limits.md has all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/line_gate.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::observe {

enum class Bound : std::uint8_t {
  kConnections,    // of the process
  kIpConnections,  // of one address
  kAccepts,        // a second; they wait in the backlog
  kDescriptors,    // nine tenths of them are in use
  kUndecided,      // connections that have not said what they speak
  kHandshake,      // of TLS; it took too long
  kLogin,          // it took too long
  kFrameTime,      // a frame came too slowly
  kFrameBytes,
  kInflightCalls,  // of a session
  kWriteQueue,     // of a session
  kSlowReader,     // a peer that took nothing
  kHandlers,       // that wait, on a core
  kMemory,         // of the process
  kPool,           // jobs that wait for its threads
  kPoolWait,       // of a job, while its pool's queue stands
  kWindows,        // of senders whose messages have numbers, of the process
  kCount
};

// The label of a bound, and the setting that moves it.
struct BoundName {
  std::string_view label;
  std::string_view setting;
};
BoundName bound_name(Bound bound);

// Thread: any. Cost of a hit: a counter, two atomics and no lock, but for the line.
class Bounds {
 public:
  // `above`: what stands before `limits` in the names of this program's settings, as "gateway.".
  // Errors: those of Registry::counter().
  static Result<std::unique_ptr<Bounds>> make(Registry& registry, std::string_view above = {});
  Bounds(const Bounds&) = delete;
  Bounds& operator=(const Bounds&) = delete;

  // `limit`: what it is set to. `now`: of whoever found it.
  void hit(Bound bound, std::uint64_t limit, Time now);
  std::uint64_t hits(Bound bound) const { return place(bound).hits.value(); }
  // The setting that moves it, by its whole name.
  std::string setting(Bound bound) const;

 private:
  struct Place {
    Counter hits;
    LineGate lines;
  };

  explicit Bounds(std::string_view above) : above_(above) {}
  Place& place(Bound bound) { return places_[static_cast<std::size_t>(bound)]; }
  const Place& place(Bound bound) const { return places_[static_cast<std::size_t>(bound)]; }

  const std::string above_;
  std::array<Place, static_cast<std::size_t>(Bound::kCount)> places_;
};

}  // namespace fairlead::observe
