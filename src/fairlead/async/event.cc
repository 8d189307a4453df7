#include "fairlead/async/event.h"

#include "fairlead/base/check.h"

namespace fairlead {

Event::~Event() { FL_DCHECK(first_ == nullptr); }

void Event::set() {
  if (set_) return;
  set_ = true;
  while (first_ != nullptr) {
    const bool last = first_ == last_;
    first_->wake(Waiter::Woken::kBySet);
    if (last) return;  // the last waiter may have destroyed the event
  }
}

Event::Waiter Event::wait(TimerWheel& timers, Deadline deadline, CancelToken cancel) {
  return Waiter(this, timers, deadline, std::move(cancel));
}

bool Event::Waiter::await_suspend(std::coroutine_handle<> waiting) {
  if (listen(cancel_)) {
    woken_ = Woken::kByCancel;
    return false;
  }
  waiting_.keep(waiting);
  if (deadline_.is_set()) timers_.arm(*this, deadline_.at());
  if (event_ != nullptr) {
    linked_ = true;
    previous_ = event_->last_;
    (previous_ != nullptr ? previous_->next_ : event_->first_) = this;
    event_->last_ = this;
  }
  return true;
}

void Event::Waiter::leave() {
  disarm();
  forget();
  if (!linked_) return;
  linked_ = false;
  (previous_ != nullptr ? previous_->next_ : event_->first_) = next_;
  (next_ != nullptr ? next_->previous_ : event_->last_) = previous_;
}

void Event::Waiter::wake(Woken why) {
  woken_ = why;
  leave();
  waiting_.resume();
}

Status Event::Waiter::await_resume() {
  switch (woken_) {
    case Woken::kBySet:
      return {};
    case Woken::kByDeadline:
      return Status(Code::kDeadlineExceeded, "wait.deadline", "the deadline passed while waiting");
    case Woken::kByCancel:
      return Status(Code::kCancelled, "wait.cancelled", "the wait was cancelled");
  }
  return {};
}

Status Sleep::await_resume() {
  // Its end is no error, and an error takes memory.
  if (waiter_.woken_ == Event::Waiter::Woken::kByDeadline) return {};
  return waiter_.await_resume();
}

}  // namespace fairlead
