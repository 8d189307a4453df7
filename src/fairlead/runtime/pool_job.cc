#include "fairlead/runtime/pool_job.h"

#include "fairlead/base/check.h"
#include "fairlead/base/exception.h"

namespace fairlead::runtime {

void PoolJobList::push_back(PoolJob& job) {
  FL_DCHECK(job.list_ == nullptr);
  job.list_ = this;
  job.previous_ = last_;
  job.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &job;
  last_ = &job;
  ++size_;
}

void PoolJobList::remove(PoolJob& job) {
  FL_DCHECK(job.list_ == this);
  (job.previous_ != nullptr ? job.previous_->next_ : first_) = job.next_;
  (job.next_ != nullptr ? job.next_->previous_ : last_) = job.previous_;
  job.list_ = nullptr;
  --size_;
}

PoolJob* PoolJobList::pop_front() { return pop(first_); }

PoolJob* PoolJobList::pop_back() { return pop(last_); }

PoolJob* PoolJobList::pop(PoolJob* job) {
  if (job != nullptr) remove(*job);
  return job;
}

Status internal::status_of_job_exception() {
  return with_exception_as_cause(Status(Code::kInternal, "handler.threw", ""));
}

}  // namespace fairlead::runtime
