// For tests: lets time pass.
#pragma once

#include "fairlead/async/deadline.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"

namespace fairlead::testkit {

// Lets `core` work for `time`: the only core that this thread runs, or one of a simulation, whose
// others work with it.
inline void pass_time(io::Core& core, Duration time) {
  const Deadline until = core.deadline_after(time);
  while (!until.passed(core.now())) core.turn(until);
}

}  // namespace fairlead::testkit
