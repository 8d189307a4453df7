// `fairlead up`: copies of services and a gateway in front of them, on this machine, until Ctrl-C.
#pragma once

#include "fairlead/cli/arguments.h"
#include "fairlead/cli/exit_code.h"
#include "fairlead/cli/output.h"

namespace fairlead::cli {

ExitCode run_up(const RunArguments& arguments, const Output& output);

}  // namespace fairlead::cli
