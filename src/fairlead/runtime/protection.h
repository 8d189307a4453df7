// Protection: what a process does against too much: its bounds, connections and memory.
//
//   listeners ─► connections()   how many come in, ConnectionLimits
//   anybody ───► bounds()        what was hit, counted and told
//   a thread ──► memory          idle blocks given back, connections refused, on_level told
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/connection_limits.h"
#include "fairlead/io/core.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/runtime/memory_watch.h"

namespace fairlead::runtime {

struct ProtectionOptions {
  io::ConnectionLimitOptions connections{};
  std::uint64_t memory_max = 0;  // bytes of the process; 0: what the system gives

  // Errors: those of io::ConnectionLimitOptions::validate().
  Status validate() const { return connections.validate(); }
};

// Thread: any. Lifetime: outlives the process's cores.
class Protection {
 public:
  // On the watch's thread. `memory_max`: bytes that the process may have.
  using OnLevel = std::function<void(MemoryLevel level, std::uint64_t memory_max)>;

  // Metrics: fairlead_runtime_connections_open, those of observe::Bounds and of MemoryWatch.
  // `above`: that of observe::Bounds::make().
  // Errors: those of ProtectionOptions::validate() and observe::Registry.
  static Result<std::unique_ptr<Protection>> make(const ProtectionOptions& options,
                                                  observe::Registry& metrics,
                                                  std::string_view above = {});
  Protection(const Protection&) = delete;
  Protection& operator=(const Protection&) = delete;

  // Begins to look at the memory, once. `cores` have blocks that can be given back; they, and what
  // `on_level` uses, outlive end(). Errors: those of start_thread().
  Status start(std::vector<io::Core*> cores, OnLevel on_level = {});
  void end();

  // Other limits from now on: higher ones count at once, lower ones for what comes next.
  // Errors: those of ProtectionOptions::validate().
  Status update(const ProtectionOptions& options);

  observe::Bounds& bounds() { return *bounds_; }
  io::ConnectionLimits& connections() { return *connections_; }

 private:
  Protection() = default;
  void hear(MemoryLevel level, std::uint64_t memory_max);
  void release_idle();

  std::unique_ptr<observe::Bounds> bounds_;
  std::unique_ptr<io::ConnectionLimits> connections_;
  std::vector<io::Core*> cores_;
  OnLevel on_level_;
  std::unique_ptr<MemoryWatch> memory_;
};

// Reads its keys of a section `limits`, whose reader finishes elsewhere; errors go to `reader`, a
// config::ObjectReader: this room knows no documents, those above agree on the keys here.
template <class Reader>
void read_protection(Reader& reader, ProtectionOptions& out) {
  io::ConnectionLimitOptions& connections = out.connections;
  reader.optional("connections_max", connections.connections_max, {0, 10'000'000});
  reader.optional("ip_connections_max", connections.ip_connections_max, {0, 10'000'000});
  reader.optional("accepts_per_second_max", connections.accepts_per_second_max, {0, 1'000'000});
  reader.optional("loopback_trusted", connections.loopback_trusted);
  reader.optional_bytes("memory", out.memory_max, {0, 1ULL << 50});
  std::vector<std::string> nets;
  reader.optional("trusted_nets", nets);
  if (!nets.empty()) connections.trusted_nets.clear();
  for (const std::string& net : nets) {
    Result<io::AddressRange> range = io::AddressRange::parse(net);
    if (range.ok())
      connections.trusted_nets.push_back(*range);
    else
      reader.reject("trusted_nets", "config.bad_value", range.status().message());
  }
  if (const Status good = connections.validate(); reader.good() && !good.ok()) {
    reader.reject("trusted_nets", "config.bad_value", good.message());
  }
}

}  // namespace fairlead::runtime
