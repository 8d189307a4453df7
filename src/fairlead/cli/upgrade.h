// `fairlead upgrade`: asks a running program to let a new one take its place, and says what came of
// it.
#pragma once

#include "fairlead/cli/arguments.h"
#include "fairlead/cli/exit_code.h"
#include "fairlead/cli/output.h"

namespace fairlead::cli {

// The process that is meant. Errors: kBadMessage `usage.bad_pid`: it is no number of a process, or
// the file cannot be read or holds none.
Result<pid_t> process_of(const UpgradeArguments& arguments);

ExitCode run_upgrade(const UpgradeArguments& arguments, const Output& output);

}  // namespace fairlead::cli
