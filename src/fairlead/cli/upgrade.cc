#include "fairlead/cli/upgrade.h"

#include <fstream>
#include <limits>
#include <optional>

#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/runtime/upgrade_request.h"

namespace fairlead::cli {

Result<pid_t> process_of(const UpgradeArguments& arguments) {
  std::string told = arguments.pid;
  const bool file = !arguments.pid_file.empty();
  if (file) {
    std::ifstream stream(arguments.pid_file);
    if (!(stream >> told)) told.clear();
  }
  const std::optional<std::uint64_t> pid = parse_uint64(told);
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max());
  if (pid.has_value() && *pid > 0 && *pid <= kMost) return static_cast<pid_t>(*pid);
  return Status(Code::kBadMessage, "usage.bad_pid",
                file ? "the file '" + escape_text(arguments.pid_file) +
                           "' cannot be read or holds no number of a process; does the program "
                           "run, and is this its pid_file?"
                     : "'" + escape_text(told) +
                           "' is no number of a process; give one, as in `fairlead upgrade 4711`, "
                           "or --pid-file FILE");
}

ExitCode run_upgrade(const UpgradeArguments& arguments, const Output& output) {
  const Result<pid_t> pid = process_of(arguments);
  if (!pid.ok()) return output.fail(pid.status());
  const Result<pid_t> successor = runtime::ask_for_upgrade(*pid, arguments.timeout);
  if (!successor.ok()) return output.fail(successor.status());
  if (output.json()) {
    JsonObject document;
    document.boolean("ok", true).number("before", *pid).number("pid", *successor);
    output.print(document.str());
  } else {
    output.print("process " + std::to_string(*successor) + " has taken over; process " +
                 std::to_string(*pid) + " ends when its calls have");
  }
  return ExitCode::kOk;
}

}  // namespace fairlead::cli
