#include "fairlead/cli/up.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/base/json_object.h"
#include "fairlead/cli/gateway_command.h"
#include "fairlead/cli/gateway_host.h"
#include "fairlead/cli/gateway_reload.h"
#include "fairlead/cli/json_text.h"
#include "fairlead/cli/project_spec.h"
#include "fairlead/cli/service_copies.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::cli {

namespace {

constexpr Duration kReadyTime = std::chrono::seconds(30);
// What a copy gets for its end: more than one takes that drains for as long as it does when nothing
// else is said, or for as long as the gateway.
constexpr Duration kStopTimeMin = std::chrono::seconds(30);
constexpr Duration kStopTimeBeyondDrain = std::chrono::seconds(10);
constexpr Duration kLookAgain = std::chrono::milliseconds(20);

// A folder that goes away with the object.
class TemporaryFolder {
 public:
  // Errors: kInternal `up.no_folder`.
  static Result<TemporaryFolder> make() {
    std::error_code failed;
    std::filesystem::path path = std::filesystem::temp_directory_path(failed);
    if (failed) path = "/tmp";
    std::string name = (path / "fairlead-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      return Status(Code::kInternal, "up.no_folder",
                    "cannot make a folder in " + path.string() +
                        " for the store; name a store in the file, or set TMPDIR");
    }
    return TemporaryFolder(std::move(name));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// One run of the command, on the first core.
class Up {
 public:
  Up(GatewayHost& host, GatewayReload& reload, const ProjectSpec& project, std::string log_level,
     const Output& output)
      : host_(host),
        reload_(reload),
        project_(project),
        log_level_(std::move(log_level)),
        output_(output),
        copies_(host.core(), [this](std::string_view line) { output_.note(line); }) {}

  Task<Status> run() {
    Result<std::unique_ptr<runtime::SignalWatcher>> signals = runtime::SignalWatcher::make(
        host_.core(), [this](int signal) { on_signal(signal); }, {SIGUSR2, SIGHUP},
        [this] { host_.told_to_end(false); });
    Status status = signals.status();
    if (status.ok()) {
      signals_ = std::move(*signals);
      status = start();
    }
    if (status.ok()) status = co_await wait_until_ready();
    if (status.ok() && !stop_.is_set()) {
      tell_ready();
      status = co_await stop_.wait(host_.core().timers(), Deadline());
    }
    if (!output_.json() && status.ok()) output_.print("\nending: requests under way are answered");
    reload_.end();
    // The entrance closes first, so that no request meets a service that is gone.
    co_await host_.close(!status.ok());
    const Duration stop_time = std::max(kStopTimeMin, host_.spec().drain + kStopTimeBeyondDrain);
    co_await copies_.stop(host_.core().deadline_after(stop_time));
    co_return status;
  }

 private:
  void on_signal(int signal) {
    if (reload_.takes(signal, *signals_)) return;
    if (signal != SIGUSR2) return stop_.set();
    host_.succession().refuse_upgrade(
        signals_->sender(),
        Status(Code::kInvalidOperation, "upgrade.not_possible",
               "fairlead up ends with the services that it started; end it and start it again"));
  }

  Status start() {
    FL_TRY(host_.follow());
    FL_TRY(host_.listen());
    for (const ServiceSpec& service : project_.services) {
      FL_TRY(host_.directory().follow(
          service.name, [this, name = service.name](const upstream::EndpointSnapshot& set) {
            endpoints_[name] = set;
          }));
      FL_TRY(copies_.start(service, host_.spec().store, log_level_));
    }
    return {};
  }

  // The first service that has not registered all its copies; null when all have.
  const ServiceSpec* waiting_for() {
    for (const ServiceSpec& service : project_.services) {
      const upstream::EndpointSnapshot& known = endpoints_[service.name];
      if (known == nullptr || known->size() < service.copies) return &service;
    }
    return nullptr;
  }

  Task<Status> wait_until_ready() {
    io::Core& core = host_.core();
    const Deadline patience = core.deadline_after(kReadyTime);
    while (!stop_.is_set()) {
      Status running = copies_.all_running();
      if (!running.ok()) co_return running;
      const ServiceSpec* missing = waiting_for();
      if (missing == nullptr) co_return Status();
      if (patience.passed(core.now())) {
        co_return Status(Code::kDeadlineExceeded, "up.not_registered",
                         "'" + missing->name + "' did not register " +
                             std::to_string(missing->copies) + " copies within " +
                             to_text(kReadyTime) +
                             "; does its program call discover() under this name?");
      }
      [[maybe_unused]] const Status slept =
          co_await Sleep(core.timers(), core.deadline_after(kLookAgain));
    }
    co_return Status();
  }

  std::string filled(std::string hint) const {
    const std::pair<std::string_view, std::string> places[] = {
        {"{gateway}", host_.address().to_text()},
        {"{admin}", host_.admin_address()},
        {"{store}", host_.spec().store}};
    for (const auto& [place, value] : places) {
      for (std::size_t at = hint.find(place); at != std::string::npos;
           at = hint.find(place, at + value.size())) {
        hint.replace(at, place.size(), value);
      }
    }
    return hint;
  }

  void tell_ready() {
    if (output_.json()) return output_.print(ready_document());
    std::string text = "gateway   http://" + host_.address().to_text() + "\n";
    if (!host_.admin_address().empty()) {
      text += "admin     http://" + host_.admin_address() + "/\n";
    }
    text += "store     " + host_.spec().store + "\n";
    for (const ServiceSpec& service : project_.services) {
      text += "service   " + service.name + " at";
      for (const upstream::Endpoint& endpoint : *endpoints_[service.name]) {
        text += " " + endpoint.address.to_text();
      }
      text += ", processes";
      for (const pid_t pid : copies_.pids(service.name)) text += " " + std::to_string(pid);
      text += "\n";
    }
    if (!project_.hints.empty()) text += "\ntry:\n";
    for (const std::string& hint : project_.hints) text += "  " + filled(hint) + "\n";
    output_.print(text + "\nready; Ctrl-C ends it");
  }

  std::string ready_document() {
    const auto fill = [this](const ServiceSpec& service, JsonObject& one) {
      std::string addresses;
      for (const upstream::Endpoint& endpoint : *endpoints_[service.name]) {
        addresses += (addresses.empty() ? "" : ",") + json_string(endpoint.address.to_text());
      }
      std::string pids;
      for (const pid_t pid : copies_.pids(service.name)) {
        pids += (pids.empty() ? "" : ",") + std::to_string(pid);
      }
      one.text("name", service.name)
          .raw("addresses", "[" + addresses + "]")
          .raw("pids", "[" + pids + "]");
    };
    JsonObject document;
    document.boolean("ok", true)
        .text("gateway", host_.address().to_text())
        .text("admin", host_.admin_address())
        .text("store", host_.spec().store)
        .list("services", project_.services, fill);
    return document.str();
  }

  GatewayHost& host_;
  GatewayReload& reload_;
  const ProjectSpec& project_;
  const std::string log_level_;
  const Output& output_;
  Event stop_;
  std::unique_ptr<runtime::SignalWatcher> signals_;
  ServiceCopies copies_;
  std::map<std::string, upstream::EndpointSnapshot, std::less<>> endpoints_;
};

}  // namespace

ExitCode run_up(const RunArguments& arguments, const Output& output) {
  Result<ProjectSource> source = ProjectSource::read(arguments.config, arguments.settings);
  if (!source.ok()) return output.refuse_configuration(source.status());
  ProjectSpec project = source->spec();
  std::optional<TemporaryFolder> folder;
  if (project.gateway.store.empty()) {
    Result<TemporaryFolder> made = TemporaryFolder::make();
    if (!made.ok()) return output.fail(made.status());
    folder.emplace(std::move(*made));
    project.gateway.store = "file:" + folder->path() + "/store.db";
  }
  Result<std::unique_ptr<observe::Logger>> logger = make_log(arguments.log_level, "warn");
  if (!logger.ok()) return output.fail(logger.status());
  const observe::ScopedDefaultLogger default_logger(**logger);
  const Result<std::unique_ptr<GatewayHost>> host = GatewayHost::make(project.gateway);
  if (!host.ok()) return output.fail(host.status());
  const auto reload = GatewayReload::make(**host, *std::move(source));
  if (!reload.ok()) return output.fail(reload.status());
  const std::string log_level = arguments.log_level.empty() ? "info" : arguments.log_level;
  Up up(**host, **reload, project, log_level, output);
  const Status ended = (*host)->core().run(up.run());
  if (!ended.ok()) return output.fail(ended);
  return (*host)->requests_cut() == 0 ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace fairlead::cli
