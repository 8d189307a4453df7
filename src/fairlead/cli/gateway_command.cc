#include "fairlead/cli/gateway_command.h"

#include <optional>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/cli/gateway_host.h"
#include "fairlead/cli/gateway_reload.h"
#include "fairlead/cli/project_spec.h"
#include "fairlead/observe/async_log_sink.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::cli {

namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(20);

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

// One run of the command, on the first core.
class GatewayRun {
 public:
  GatewayRun(GatewayHost& host, GatewayReload& reload, const Output& output)
      : host_(host), reload_(reload), output_(output) {}

  // Serves until a signal comes, or another gateway takes over.
  Task<Status> run() {
    Status status = watch_signals();
    if (status.ok()) status = co_await begin();
    if (status.ok() && !stop_.is_set()) {
      tell_ready(host_, output_);
      FL_LOG(info, "gateway.listening", {"address", host_.address().to_text()});
      status = co_await stop_.wait(host_.core().timers(), Deadline());
    }
    FL_LOG(info, "gateway.draining");
    reload_.end();
    co_await host_.close(!status.ok());
    co_return status;
  }

 private:
  Status watch_signals() {
    FL_TRY_ASSIGN(signals_, runtime::SignalWatcher::make(
                                host_.core(), [this](int signal) { on_signal(signal); },
                                {SIGUSR2, SIGHUP}, [this] { host_.told_to_end(false); }));
    return {};
  }

  void on_signal(int signal) {
    runtime::Succession& succession = host_.succession();
    if (reload_.takes(signal, *signals_)) return;
    if (signal != SIGUSR2) {
      succession.end();
      return stop_.set();
    }
    if (!serves_ && !stop_.is_set()) {
      return succession.refuse_upgrade(signals_->sender(),
                                       Status(Code::kInvalidOperation, "upgrade.not_serving",
                                              "this gateway has not begun to serve"));
    }
    succession.upgrade(host_.core(), host_.spec().upgrade_ready_timeout, signals_->sender(),
                       [this] {
                         host_.told_to_end(true);
                         stop_.set();
                       });
  }

  // In another gateway's place it begins when it knows all services: until then that one serves
  // better. How long is the other one's decision.
  Task<Status> begin() {
    FL_CO_TRY(host_.follow());
    if (host_.succession().has_predecessor()) {
      while (!host_.gateway().knows_all() && !stop_.is_set()) {
        FL_CO_TRY(co_await Sleep(host_.core().timers(), host_.core().deadline_after(kLookAgain)));
      }
      if (stop_.is_set()) co_return Status();
    }
    FL_CO_TRY(host_.listen());
    FL_CO_TRY(co_await host_.succession().take_over(host_.core()));
    serves_ = true;
    co_return Status();
  }

  GatewayHost& host_;
  GatewayReload& reload_;
  const Output& output_;
  Event stop_;
  std::unique_ptr<runtime::SignalWatcher> signals_;
  bool serves_ = false;
};

Task<Status> serve(GatewayHost& host, GatewayReload& reload, const Output& output) {
  GatewayRun run(host, reload, output);
  co_return co_await run.run();
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
  Result<ProjectSource> project =
      ProjectSource::read(arguments.config, arguments.settings, ProjectSource::Store::kNeeded);
  if (!project.ok()) return output.refuse_configuration(project.status());
  Result<std::unique_ptr<observe::Logger>> logger = make_log(arguments.log_level, "info");
  if (!logger.ok()) return output.fail(logger.status());
  if (arguments.check) {
    if (output.json())
      output.print(JsonObject().boolean("ok", true).str());
    else
      output.print(arguments.config + " is good");
    return ExitCode::kOk;
  }
  const observe::ScopedDefaultLogger default_logger(**logger);
  const Result<std::unique_ptr<GatewayHost>> host = GatewayHost::make(project->spec().gateway);
  if (!host.ok()) return output.fail(host.status());
  const auto reload = GatewayReload::make(**host, *std::move(project), {"services", "hints"});
  if (!reload.ok()) return output.fail(reload.status());
  const Status served = (*host)->core().run(serve(**host, **reload, output));
  if (!served.ok()) return output.fail(served);
  return (*host)->requests_cut() == 0 ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace fairlead::cli
