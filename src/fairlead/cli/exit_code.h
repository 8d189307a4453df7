// Exit codes of `fairlead`, which scripts rely on.
#pragma once

#include "fairlead/base/status.h"

namespace fairlead::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,       // it did not work; a service answered an error
  kUsage = 2,        // the command line or the configuration is wrong
  kUnreachable = 3,  // no server there, none registered, or the connection broke
  kTimeout = 4,
  kNotAllowed = 5,
  kInterrupted = 130,
};

// The code with which a command that ended in `status` exits.
ExitCode exit_code_of(const Status& status);

}  // namespace fairlead::cli
