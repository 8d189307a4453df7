#include "fairlead/cli/exit_code.h"

namespace fairlead::cli {

ExitCode exit_code_of(const Status& status) {
  if (status.reason().starts_with("config.") || status.reason().starts_with("usage.")) {
    return ExitCode::kUsage;
  }
  switch (status.code()) {
    case Code::kOk:
      return ExitCode::kOk;
    case Code::kConnectionClosed:
    case Code::kWriteFailed:
    case Code::kDialFailed:
    case Code::kNoEndpoint:
    case Code::kBreakerOpen:
      return ExitCode::kUnreachable;
    case Code::kDeadlineExceeded:
    case Code::kExpired:
    case Code::kHandlerTimeout:
      return ExitCode::kTimeout;
    case Code::kUnauthenticated:
    case Code::kForbidden:
      return ExitCode::kNotAllowed;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace fairlead::cli
