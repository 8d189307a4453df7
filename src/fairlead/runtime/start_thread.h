// A thread that may not be had: where the limit of threads is used up the system gives none.
#pragma once

#include <functional>
#include <thread>

#include "fairlead/base/result.h"

namespace fairlead::runtime {

// A thread of this name (15 bytes at most) that runs `work`.
// Errors: kInternal `process.no_thread`.
Result<std::thread> start_thread(const char* name, std::function<void()> work);

}  // namespace fairlead::runtime
