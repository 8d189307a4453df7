#include "fairlead/cli/main.h"

#include "fairlead/base/json_object.h"
#include "fairlead/cli/arguments.h"
#include "fairlead/cli/call.h"
#include "fairlead/cli/gateway_command.h"
#include "fairlead/cli/output.h"
#include "fairlead/cli/up.h"
#include "fairlead/cli/upgrade.h"
#include "fairlead/cli/wire_check.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::cli {

namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

ExitCode print_version(const Output& output) {
  if (output.json()) {
    JsonObject document;
    document.boolean("ok", true).text("version", FL_VERSION).text("compiler", kCompiler);
    output.print(document.str());
  } else {
    output.print("fairlead " FL_VERSION " (" + std::string(kCompiler) + ")");
  }
  return ExitCode::kOk;
}

ExitCode run_command(const Arguments& arguments) {
  using Command = Arguments::Command;
  const auto output = [json = arguments.json](const char* name) {
    return Output(std::string("fairlead") + name, json);
  };
  switch (arguments.command) {
    case Command::kHelp:
      output("").print(arguments.help);
      return ExitCode::kOk;
    case Command::kVersion:
      return print_version(output(" version"));
    case Command::kCall:
      return run_call(arguments.call, output(" call"));
    case Command::kPush:
      return run_push(arguments.call, output(" push"));
    case Command::kGateway:
      runtime::block_signals({SIGUSR2, SIGHUP});
      return run_gateway(arguments.run, output(" gateway"));
    case Command::kUp:
      runtime::block_signals({SIGUSR2, SIGHUP});
      return run_up(arguments.run, output(" up"));
    case Command::kUpgrade:
      return run_upgrade(arguments.upgrade, output(" upgrade"));
    case Command::kWireCheck:
      return run_wire_check(arguments.wire_check, output(" wire check"));
  }
  return ExitCode::kFailed;
}

}  // namespace

int run(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // who does not read our output is no reason to be killed
  const Result<Arguments> arguments = read_arguments(argc, argv);
  if (!arguments.ok()) {
    const Output output("fairlead", wants_json(argc, argv));
    return static_cast<int>(output.fail(arguments.status()));
  }
  return static_cast<int>(run_command(*arguments));
}

}  // namespace fairlead::cli
