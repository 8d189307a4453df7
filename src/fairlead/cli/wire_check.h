// `fairlead wire check`: a file of golden vectors against the wire protocols.
#pragma once

#include <string>

#include "fairlead/base/result.h"
#include "fairlead/cli/arguments.h"
#include "fairlead/cli/exit_code.h"
#include "fairlead/cli/output.h"
#include "fairlead/wire/vectors/vector_check.h"

namespace fairlead::cli {

// Ends with kFailed when a vector fails.
ExitCode run_wire_check(const WireCheckArguments& arguments, const Output& output);

// Checks the file. Errors: kBadMessage `usage.bad_vectors` (missing, unreadable, above 64 MiB, no
// file of vectors).
Result<wire::VectorReport> wire_report_of(const std::string& file);

// What people see: a line for each failure, what comes later by kind, and as the last line
// "100 passed, 0 failed".
std::string wire_report_text(const wire::VectorReport& report);
// The document of --json:
//   {"ok":true,"passed":100,"failed":0,"later":72,"failures":[{"id":"..","what":".."}]}
std::string wire_report_document(const wire::VectorReport& report);

}  // namespace fairlead::cli
