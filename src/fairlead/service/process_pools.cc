// The pools of a process: the code declares them, the configuration says how they are, also while
// they work.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/service/process.h"

namespace fairlead::service {

Pool Process::add_pool(std::string_view name, PoolOptions options) {
  FL_CHECK(!started());
  auto& places = pools_[std::string(name)];
  if (places == nullptr) {
    places = std::make_unique<internal::PoolPlaces>(std::string(name), options);
  }
  return Pool(*places);
}

// The code declares them; the configuration can only say how they are.
Status Process::check_pool(const Spec& spec, const std::string& name) const {
  if (const auto known = pools_.find(name); known != pools_.end()) {
    return pool_options(spec, *known->second).status();
  }
  std::vector<std::string_view> names;
  for (const auto& [known, places] : pools_) names.emplace_back(known);
  const std::string_view near = nearest_name(name, names);
  return Status(Code::kBadMessage, "service.unknown_pool",
                "'" + name_ + "' has no pool '" + escape_text(name) + "'" +
                    (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?"));
}

Result<PoolOptions> Process::pool_options(const Spec& spec,
                                          const internal::PoolPlaces& places) const {
  PoolOptions options = places.declared();
  if (const auto told = spec.pools.find(places.name()); told != spec.pools.end()) {
    options.threads = told->second.threads.value_or(options.threads);
    options.waiting_jobs_max = told->second.waiting_jobs_max.value_or(options.waiting_jobs_max);
    options.queue_target = told->second.queue_target.value_or(options.queue_target);
    options.queue_interval = told->second.queue_interval.value_or(options.queue_interval);
  }
  FL_TRY(options.validate());
  return options;
}

Status Process::make_pools() {
  for (const auto& [name, places] : pools_) {
    FL_TRY_ASSIGN(const PoolOptions options, pool_options(spec_, *places));
    FL_TRY(places->open(options, cores_->cores(), metrics_, &protection_->bounds()));
  }
  return {};
}

Result<TakeRead> Process::prepare_pools(const Spec& next) {
  std::vector<std::pair<internal::PoolPlaces*, PoolOptions>> changed;
  for (const auto& [name, places] : pools_) {
    FL_TRY_ASSIGN(const PoolOptions options, pool_options(next, *places));
    changed.emplace_back(places.get(), options);
  }
  return TakeRead([changed] {
    for (const auto& [places, options] : changed) places->update(options);
  });
}

Task<Status> Process::close_pools(std::size_t index, Deadline deadline) {
  Status ended;
  for (const auto& [name, places] : pools_) {
    Status closed = co_await places->close(index, deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  co_return ended;
}

}  // namespace fairlead::service
