// Work of one core that another core waits for.
#pragma once

#include <functional>

#include "fairlead/async/task.h"
#include "fairlead/base/status.h"
#include "fairlead/io/core.h"

namespace fairlead::gateway::internal {

// Runs the task that `work` makes on `other` and gives its status on `home`, where it is awaited.
// Both cores turn until then.
Task<Status> run_on(io::Core& home, io::Core& other, std::function<Task<Status>()> work);

}  // namespace fairlead::gateway::internal
