// `fairlead gateway`: a gateway in this process.
#pragma once

#include <memory>
#include <string_view>

#include "fairlead/cli/arguments.h"
#include "fairlead/cli/exit_code.h"
#include "fairlead/cli/output.h"
#include "fairlead/observe/log.h"

namespace fairlead::cli {

ExitCode run_gateway(const RunArguments& arguments, const Output& output);

// The log of a command that runs long: to standard error, from `level` on; `fallback` when it is
// empty. Null for "off". Errors: kBadMessage `usage.bad_level`; those of observe::AsyncLogSink.
Result<std::unique_ptr<observe::Logger>> make_log(std::string_view level,
                                                  std::string_view fallback);

}  // namespace fairlead::cli
