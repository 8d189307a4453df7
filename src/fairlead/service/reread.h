// What is read from files beside the configuration, and again when somebody asks (HUP).
#pragma once

#include <functional>

#include "fairlead/base/result.h"

namespace fairlead::service {

// Makes what was read count; cannot fail.
using TakeRead = std::function<void()>;
// Reads and checks. May block. Errors: what is wrong with the file, with its place.
using Reread = std::function<Result<TakeRead>()>;

}  // namespace fairlead::service
