#include "fairlead/cli/service_copies.h"

#include <utility>

namespace fairlead::cli {

Status ServiceCopies::start(const ServiceSpec& service, const std::string& store,
                            const std::string& log_level) {
  runtime::ChildOptions options{.command = service.command,
                                .hidden_variables = {std::string(kGatewayVariables)}};
  for (const char* word : {"--listen", "tcp://127.0.0.1:0", "--store"}) {
    options.command.emplace_back(word);
  }
  options.command.push_back(store);
  options.command.emplace_back("--log-level");
  options.command.push_back(log_level);
  for (std::uint32_t i = 1; i <= service.copies; ++i) {
    FL_TRY(start_one(service, service.name + "-" + std::to_string(i), options));
  }
  return {};
}

Status ServiceCopies::start_one(const ServiceSpec& service, const std::string& name,
                                const runtime::ChildOptions& options) {
  auto copy = std::make_unique<Copy>();
  copy->service = service.name;
  copy->name = name;
  const auto on_line = [this, name](std::string_view line) {
    tell_(name + " | " + std::string(line));
  };
  const auto on_exit = [this, self = copy.get()](runtime::ExitStatus status) {
    self->ended = status.to_string();
    if (!stopping_ || !status.ok()) {
      tell_(self->name + " (process " + std::to_string(self->process->pid()) +
            ") has ended: " + self->ended);
    }
  };
  FL_TRY_ASSIGN(copy->process, runtime::ChildProcess::start(
                                   core_, options, {.on_line = on_line, .on_exit = on_exit}));
  copies_.push_back(std::move(copy));
  return {};
}

std::vector<pid_t> ServiceCopies::pids(std::string_view service) const {
  std::vector<pid_t> pids;
  for (const auto& copy : copies_) {
    if (copy->service == service && copy->ended.empty()) pids.push_back(copy->process->pid());
  }
  return pids;
}

Status ServiceCopies::all_running() const {
  for (const auto& copy : copies_) {
    if (copy->ended.empty()) continue;
    return Status(Code::kInternal, "up.copy_ended",
                  copy->name + " ended before it was ready (" + copy->ended +
                      "); what it wrote stands above");
  }
  return {};
}

Task<void> ServiceCopies::stop_one(Copy& copy, Deadline deadline) {
  Task<runtime::ExitStatus> stopping = copy.process->stop(deadline);
  [[maybe_unused]] const runtime::ExitStatus status = co_await stopping;
}

Task<void> ServiceCopies::stop(Deadline deadline) {
  stopping_ = true;
  for (const auto& copy : copies_) scope_.spawn(stop_one(*copy, deadline));
  [[maybe_unused]] const Status stopped = co_await scope_.close(core_.timers(), Deadline());
}

}  // namespace fairlead::cli
