#include "fairlead/cli/gateway_command.h"

#include <optional>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/base/text.h"
#include "fairlead/cli/gateway_host.h"
#include "fairlead/cli/json_text.h"
#include "fairlead/cli/project_spec.h"
#include "fairlead/observe/async_log_sink.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::cli {

namespace {

constexpr Duration kDrainTime = std::chrono::seconds(10);

void tell_ready(GatewayHost& host, const Output& output) {
  const std::string admin = host.admin_address();
  if (output.json()) {
    JsonObject document;
    document.boolean("ok", true).text("gateway", host.address().to_text());
    if (!admin.empty()) document.text("admin", admin);
    return output.print(document.str());
  }
  output.print("gateway  http://" + host.address().to_text());
  if (!admin.empty()) output.print("admin    http://" + admin);
}

// Serves until a signal comes.
Task<Status> serve(GatewayHost& host, const Output& output) {
  Event stop;
  Result<std::unique_ptr<runtime::SignalWatcher>> signals =
      runtime::SignalWatcher::make(host.core(), [&stop](int) { stop.set(); });
  Status status = signals.ok() ? host.listen() : signals.status();
  if (status.ok()) {
    tell_ready(host, output);
    FL_LOG(info, "gateway.listening", {"address", host.address().to_text()});
    status = co_await stop.wait(host.core().timers(), Deadline());
    FL_LOG(info, "gateway.draining");
  }
  const Status closed = co_await host.close(host.core().deadline_after(kDrainTime));
  if (!closed.ok()) FL_LOG(warn, "gateway.not_drained", {"reason", closed.reason()});
  co_return status;
}

}  // namespace

Result<std::unique_ptr<observe::Logger>> make_log(std::string_view level,
                                                  std::string_view fallback) {
  const std::string_view wanted = level.empty() ? fallback : level;
  observe::Logger::Options options;
  if (!observe::parse_level(wanted, options.level)) {
    return Status(
        Code::kBadMessage, "usage.bad_level",
        "--log-level '" + escape_text(wanted) + "' is none of debug, info, warn, error and off");
  }
  FL_TRY_ASSIGN(auto sink, observe::AsyncLogSink::make({}));
  return std::make_unique<observe::Logger>(std::move(options), std::move(sink));
}

ExitCode run_gateway(const RunArguments& arguments, const Output& output) {
  Result<ProjectSpec> project = load_project(arguments.config, arguments.settings);
  if (!project.ok()) return output.fail(project.status());
  if (project->gateway.store.empty()) {
    return output.fail(Status(Code::kBadMessage, "config.missing_key",
                              arguments.config +
                                  ": no store is named; add `store: file:/path/store.db`, the one "
                                  "in which the services register"));
  }
  if (arguments.check) {
    if (output.json())
      output.print(JsonObject().boolean("ok", true).str());
    else
      output.print(arguments.config + " is good");
    return ExitCode::kOk;
  }
  Result<std::unique_ptr<observe::Logger>> logger = make_log(arguments.log_level, "info");
  if (!logger.ok()) return output.fail(logger.status());
  const observe::ScopedDefaultLogger default_logger(**logger);
  const Result<std::unique_ptr<GatewayHost>> host = GatewayHost::make(project->gateway);
  if (!host.ok()) return output.fail(host.status());
  const Status served = (*host)->core().run(serve(**host, output));
  return served.ok() ? ExitCode::kOk : output.fail(served);
}

}  // namespace fairlead::cli
