// A thread that may not be had: where the limit of threads is used up the system gives none.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "fairlead/base/result.h"

namespace fairlead {

// A thread that runs `work`, of this name (15 bytes at most), as `top -H` shows it.
// Errors: kInternal `process.no_thread`.
Result<std::thread> start_thread(std::string name, std::function<void()> work);

}  // namespace fairlead
