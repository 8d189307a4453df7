// What a program does against too much: the part of `limits` that concerns the whole process.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/reader.h"
#include "fairlead/io/connection_limits.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/runtime/memory_watch.h"

namespace fairlead::service {

struct ProtectionSpec {
  io::ConnectionLimitOptions connections{};
  std::uint64_t memory_max = 0;          // bytes of the process; 0: what the system gives
  std::uint32_t handlers_max = 200'000;  // that wait, of the process; each core has its share
};

namespace internal {

// Reads its keys of the section `limits`, whose reader finishes elsewhere. Errors go to `reader`.
void read_protection(config::ObjectReader& reader, ProtectionSpec& out, rpc::Guards& guards);

// `guards`, with one core's share of what the process may have.
rpc::Guards share_of(const ProtectionSpec& spec, rpc::Guards guards, std::size_t cores);

// The guards of one process. Thread: any. Lifetime: outlives the process's cores.
class Protection {
 public:
  // Errors: those of io::ConnectionLimitOptions::validate() and observe::Registry.
  static Result<std::unique_ptr<Protection>> make(const ProtectionSpec& spec,
                                                  observe::Registry& metrics);
  // Begins to look at the memory. The peers, each on its own core, hear how short it is; they and
  // their cores outlive end().
  void start(std::vector<rpc::Peer*> peers);
  void end();

  // Other limits from now on: higher ones count at once, lower ones for what comes next.
  // Errors: those of make().
  Status update(const ProtectionSpec& spec);

  observe::Bounds& bounds() { return *bounds_; }
  io::ConnectionLimits& connections() { return *connections_; }

 private:
  Protection() = default;
  void on_memory(runtime::MemoryLevel level, std::uint64_t memory_max);
  void release_idle();

  std::unique_ptr<observe::Bounds> bounds_;
  std::unique_ptr<io::ConnectionLimits> connections_;
  std::vector<rpc::Peer*> peers_;
  std::unique_ptr<runtime::MemoryWatch> memory_;
};

}  // namespace internal
}  // namespace fairlead::service
