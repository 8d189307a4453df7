#include "fairlead/io/core_group.h"
#include "fairlead/base/start_thread.h"

#include <sched.h>

#include <string>

namespace fairlead::io {
namespace {

std::size_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return static_cast<std::size_t>(CPU_COUNT(&set));
}

}  // namespace

Result<std::unique_ptr<CoreGroup>> CoreGroup::make(std::size_t count, CoreOptions options) {
  if (count > 256) {
    return Status(Code::kBadMessage, "cores.out_of_range",
                  std::to_string(count) + " cores are asked for; 0 to 256 are possible");
  }
  const std::size_t cpus = usable_cpus();
  if (count == 0) count = cpus;
  if (count >= cpus) options.spin = Duration::zero();
  std::vector<std::unique_ptr<Core>> cores;
  for (std::size_t i = 0; i < count; ++i) {
    FL_TRY_ASSIGN(std::unique_ptr<Core> core, Core::make(options));
    cores.push_back(std::move(core));
  }
  return std::unique_ptr<CoreGroup>(new CoreGroup(std::move(cores)));
}

CoreGroup::~CoreGroup() { stop(); }

std::vector<Core*> CoreGroup::cores() const {
  std::vector<Core*> all;
  for (const auto& core : cores_) all.push_back(core.get());
  return all;
}

Status CoreGroup::start() {
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    FL_TRY_ASSIGN(std::thread thread, start_thread("fl-core-" + std::to_string(i),
                                                   [core = cores_[i].get()] { core->run(); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

void CoreGroup::stop() {
  for (std::size_t i = 0; i < threads_.size(); ++i) cores_[i]->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace fairlead::io
