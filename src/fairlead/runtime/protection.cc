#include "fairlead/runtime/protection.h"

#include <utility>

#include "fairlead/base/block_pool.h"
#include "fairlead/runtime/memory_limit.h"

namespace fairlead::runtime {

Result<std::unique_ptr<Protection>> Protection::make(const ProtectionOptions& options,
                                                     observe::Registry& metrics,
                                                     std::string_view above) {
  FL_TRY(options.validate());
  std::unique_ptr<Protection> made(new Protection());
  FL_TRY_ASSIGN(made->bounds_, observe::Bounds::make(metrics, above));
  FL_TRY_ASSIGN(const observe::Gauge open,
                metrics.gauge({"fairlead_runtime_connections_open",
                               "Accepted connections whose descriptor is not closed."}));
  made->connections_ =
      std::make_unique<io::ConnectionLimits>(options.connections, made->bounds_.get(), open);
  Protection* const self = made.get();
  FL_TRY_ASSIGN(
      made->memory_,
      MemoryWatch::make(
          {.memory_max = options.memory_max,
           .on_level = [self](MemoryLevel level, std::uint64_t most) { self->hear(level, most); },
           .release_idle = [self] { self->release_idle(); },
           .setting = made->bounds_->setting(observe::Bound::kMemory)},
          metrics));
  return made;
}

Status Protection::start(std::vector<io::Core*> cores, OnLevel on_level) {
  cores_ = std::move(cores);
  on_level_ = std::move(on_level);
  return memory_->start();
}

void Protection::end() { memory_.reset(); }

void Protection::hear(MemoryLevel level, std::uint64_t memory_max) {
  connections_->refuse_for_memory(level == MemoryLevel::kCritical ? memory_max : 0);
  if (on_level_) on_level_(level, memory_max);
}

void Protection::release_idle() {
  for (io::Core* core : cores_) core->post([] { internal::free_idle_blocks(); });
  release_idle_memory();
}

Status Protection::update(const ProtectionOptions& options) {
  FL_TRY(connections_->update(options.connections));
  memory_->update(options.memory_max);
  return {};
}

}  // namespace fairlead::runtime
