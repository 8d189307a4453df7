// What code of users throws, as a Status: nothing of ours throws, and nothing gets past us.
#pragma once

#include "fairlead/base/status.h"

namespace fairlead {

// `status` with the exception that is being handled as its cause. Only inside a catch block.
Status with_exception_as_cause(Status status);

}  // namespace fairlead
