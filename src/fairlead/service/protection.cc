#include "fairlead/service/protection.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/block_pool.h"
#include "fairlead/runtime/memory_limit.h"

namespace fairlead::service::internal {

void read_protection(config::ObjectReader& reader, ProtectionSpec& out, rpc::Guards& guards) {
  using namespace std::chrono_literals;
  reader.optional("frame_time_max", guards.frame_time_max, {10ms, 1h});
  reader.optional("frame_rate_min", guards.frame_rate_min, {0, 1'000'000});
  reader.optional("slow_reader_after", guards.slow_reader_after, {10ms, 1h});
  io::ConnectionLimitOptions& connections = out.connections;
  reader.optional("connections_max", connections.connections_max, {0, 10'000'000});
  reader.optional("ip_connections_max", connections.ip_connections_max, {0, 10'000'000});
  reader.optional("accepts_per_second_max", connections.accepts_per_second_max, {0, 1'000'000});
  reader.optional("loopback_trusted", connections.loopback_trusted);
  config::ByteSize memory{out.memory_max};
  reader.optional("memory", memory, {{0}, {1ULL << 50}});
  out.memory_max = memory.bytes;
  reader.optional("handlers_max", out.handlers_max, {1, 10'000'000});
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
}

Result<std::unique_ptr<Protection>> Protection::make(const ProtectionSpec& spec,
                                                     observe::Registry& metrics) {
  FL_TRY(spec.connections.validate());
  std::unique_ptr<Protection> made(new Protection());
  FL_TRY_ASSIGN(made->bounds_, observe::Bounds::make(metrics));
  FL_TRY_ASSIGN(const observe::Gauge open,
                metrics.gauge({"fairlead_service_connections_open",
                               "Accepted connections whose descriptor is not closed."}));
  made->connections_ =
      std::make_unique<io::ConnectionLimits>(spec.connections, made->bounds_.get(), open);
  Protection* const self = made.get();
  FL_TRY_ASSIGN(made->memory_,
                runtime::MemoryWatch::make(
                    {.memory_max = spec.memory_max,
                     .on_level = [self](runtime::MemoryLevel level,
                                        std::uint64_t most) { self->on_memory(level, most); },
                     .release_idle = [self] { self->release_idle(); }},
                    metrics));
  return made;
}

void Protection::start(std::vector<rpc::Peer*> peers) {
  peers_ = std::move(peers);
  memory_->start();
}

void Protection::end() { memory_.reset(); }

// On the watch's thread.
void Protection::on_memory(runtime::MemoryLevel level, std::uint64_t memory_max) {
  using enum runtime::MemoryLevel;
  connections_->refuse_for_memory(level == kCritical ? memory_max : 0);
  const rpc::Pressure pressure = level == kCritical ? rpc::Pressure::kRefuse
                                 : level == kShort  ? rpc::Pressure::kShed
                                                    : rpc::Pressure::kNone;
  for (rpc::Peer* peer : peers_) {
    peer->core().post([peer, pressure, memory_max] { peer->set_pressure(pressure, memory_max); });
  }
}

void Protection::release_idle() {
  for (rpc::Peer* peer : peers_) peer->core().post([] { fairlead::internal::free_idle_blocks(); });
  runtime::release_idle_memory();
}

rpc::Guards share_of(const ProtectionSpec& spec, rpc::Guards guards, std::size_t cores) {
  const std::size_t share = spec.handlers_max / std::max<std::size_t>(1, cores);
  guards.handlers_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, share));
  return guards;
}

Status Protection::update(const ProtectionSpec& spec) {
  FL_TRY(connections_->update(spec.connections));
  memory_->update(spec.memory_max);
  return {};
}

}  // namespace fairlead::service::internal
