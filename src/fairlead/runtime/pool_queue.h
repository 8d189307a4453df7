// PoolQueue: the jobs that wait for a thread of a pool, which one is next, and which are too old.
//
//   push() ──► oldest ... newest ──► take():  the oldest first; while the queue stands, the newest
//                 └── while it stands, and has waited longer than `patience()` ──► late
//
// While it stands whoever waited longest has a caller that is about to give up, or has. Served in
// order, everybody would wait that long; the newest can still be served in time (adaptive LIFO, see
// controlled_delay.h).
//
// No more jobs than there are threads never stand: each of them is next when the job before it
// ends, as one packet on a link is in CoDel (RFC 8289, section 4.3). So a pool of slow jobs may
// have some that wait, and when few are left they are served in their order again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "fairlead/runtime/controlled_delay.h"
#include "fairlead/runtime/pool_job.h"

namespace fairlead::runtime {

// Owns none of the jobs. Thread: under the lock of its pool. Cost: constant for each job.
class PoolQueue {
 public:
  PoolQueue(ControlledDelay::Options options, std::size_t threads)
      : delay_(options), patience_(std::max(options.target, options.interval)), threads_(threads) {}

  bool empty() const { return jobs_.empty(); }
  PoolJob* first() const { return jobs_.first(); }  // the oldest; null: empty
  bool holds(const PoolJob& job) const { return jobs_.holds(job); }
  void remove(PoolJob& job) { jobs_.remove(job); }  // is in it
  // From the next look on.
  void update(ControlledDelay::Options options) {
    delay_.update(options);
    patience_ = std::max(options.target, options.interval);
  }
  // How long a job may wait while the queue stands.
  Duration patience() const { return patience_; }

  // Takes all of `jobs` over, in their order. Appends to `late` those that are in it no more.
  void push(PoolJobList& jobs, Time now, std::vector<PoolJob*>& late);
  // The job that is next; null: empty. `late` as above.
  PoolJob* take(Time now, std::vector<PoolJob*>& late);

 private:
  void look(Time now, std::vector<PoolJob*>& late);

  PoolJobList jobs_;
  ControlledDelay delay_;
  Duration patience_;
  const std::size_t threads_;
};

}  // namespace fairlead::runtime
