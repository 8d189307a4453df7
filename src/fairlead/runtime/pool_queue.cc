#include "fairlead/runtime/pool_queue.h"

namespace fairlead::runtime {

void PoolQueue::push(PoolJobList& jobs, Time now, std::vector<PoolJob*>& late) {
  look(now, late);
  while (PoolJob* job = jobs.pop_front()) jobs_.push_back(*job);
}

PoolJob* PoolQueue::take(Time now, std::vector<PoolJob*>& late) {
  look(now, late);
  return delay_.stands() ? jobs_.pop_back() : jobs_.pop_front();
}

void PoolQueue::look(Time now, std::vector<PoolJob*>& late) {
  const auto waited = [&] { return now - jobs_.first()->made(); };
  if (!delay_.look(jobs_.size() > threads_ ? waited() : Duration::zero(), now)) return;
  while (jobs_.size() > threads_ && waited() > patience_) late.push_back(jobs_.pop_front());
}

}  // namespace fairlead::runtime
