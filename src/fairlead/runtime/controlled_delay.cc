#include "fairlead/runtime/controlled_delay.h"

namespace fairlead::runtime {

bool ControlledDelay::look(Duration waited, Time now) {
  if (options_.target == Duration::zero() || waited < options_.target) {
    state_ = State::kShort;
  } else if (state_ == State::kShort) {
    state_ = State::kLong;
    long_since_ = now;
  } else if (state_ == State::kLong && now - long_since_ >= options_.interval) {
    state_ = State::kStanding;
  }
  return stands();
}

}  // namespace fairlead::runtime
