#include "fairlead/service/pool.h"

namespace fairlead::service::internal {

Status PoolPlaces::open(const PoolOptions& options, const std::vector<io::Core*>& cores,
                        observe::Registry& metrics, observe::Bounds* bounds) {
  FL_TRY_ASSIGN(pool_, runtime::WorkerPool::make(name_, options, metrics, bounds));
  for (io::Core* core : cores) {
    ports_.push_back(std::make_unique<runtime::PoolPort>(*core, *pool_));
  }
  return {};
}

void PoolPlaces::end() {
  ports_.clear();
  pool_.reset();
}

Result<runtime::PoolPort*> PoolPlaces::here() const {
  const io::Core* here = io::Core::current();
  if (here == nullptr) {
    return Status(Code::kInvalidOperation, "pool.no_core",
                  "blocking() is for coroutines on a core; this thread may simply block");
  }
  for (const auto& port : ports_) {
    if (&port->core() == here) return port.get();
  }
  return Status(Code::kOverloaded, "pool.closed",
                "the pool '" + name_ + "' takes no more jobs: the process ends");
}

}  // namespace fairlead::service::internal
