#include "fairlead/async/cancel.h"

#include "fairlead/async/frame_pool.h"
#include "fairlead/base/check.h"

namespace fairlead {
namespace internal {

struct CancelState : PooledFrame {
  std::uint32_t references = 1;
  bool cancelled = false;
  CancelListener* listeners = nullptr;
};

void retain(CancelState* state) { ++state->references; }

void release(CancelState* state) {
  if (state != nullptr && --state->references == 0) {
    FL_DCHECK(state->listeners == nullptr);
    delete state;
  }
}

}  // namespace internal

bool CancelListener::listen(const CancelToken& token) {
  forget();
  if (token.state_ == nullptr) return false;
  if (token.state_->cancelled) return true;
  state_ = token.state_;
  internal::retain(state_);
  next_ = state_->listeners;
  link_ = &state_->listeners;
  if (next_ != nullptr) next_->link_ = &next_;
  state_->listeners = this;
  return false;
}

void CancelListener::forget() {
  if (state_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  internal::release(std::exchange(state_, nullptr));
}

bool CancelToken::cancelled() const { return state_ != nullptr && state_->cancelled; }

CancelSource::CancelSource() : state_(new internal::CancelState) {}
CancelSource::CancelSource(CancelSource&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)) {}
CancelSource::~CancelSource() {
  if (state_ != nullptr) internal::release(state_);  // null: moved from
}
bool CancelSource::cancelled() const { return state_->cancelled; }

void CancelSource::cancel() {
  if (state_->cancelled) return;
  state_->cancelled = true;
  internal::CancelState* state = state_;  // a listener may destroy this source
  internal::retain(state);
  while (state->listeners != nullptr) {
    CancelListener* listener = state->listeners;
    listener->forget();
    listener->on_cancel();
  }
  internal::release(state);
}

}  // namespace fairlead
