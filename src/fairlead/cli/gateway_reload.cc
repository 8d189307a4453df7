#include "fairlead/cli/gateway_reload.h"
#include "fairlead/base/start_thread.h"

#include <csignal>

#include <algorithm>
#include <utility>

namespace fairlead::cli {

GatewayReload::GatewayReload(GatewayHost& host, ProjectSource source,
                             std::vector<std::string_view> ignored)
    : host_(host),
      source_(std::move(source)),
      ignored_(std::move(ignored)),
      desk_(host.core(), [this] { ask(); }) {}

GatewayReload::~GatewayReload() { end(); }

Result<std::unique_ptr<GatewayReload>> GatewayReload::make(GatewayHost& host, ProjectSource source,
                                                           std::vector<std::string_view> ignored) {
  std::unique_ptr<GatewayReload> made(
      new GatewayReload(host, std::move(source), std::move(ignored)));
  FL_TRY_ASSIGN(made->report_, service::ReloadReport::make(host.metrics()));
  host.add_page(made->desk_.page());
  return made;
}

void GatewayReload::ask() {
  if (over_) return;
  if (thread_.joinable()) {
    again_ = true;
    return;
  }
  begin();
}

bool GatewayReload::takes(int signal, const runtime::SignalWatcher& signals) {
  if (signal != SIGHUP) return false;
  if (!signals.by_system()) {
    ask();
    return true;
  }
  struct sigaction now{};
  return ::sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// A thread, since a disk may be slow and this core serves.
void GatewayReload::begin() {
  again_ = false;
  const std::uint64_t number = desk_.begin();
  const auto read = [this, number, here = std::weak_ptr<bool>(here_)] {
    auto next = std::make_shared<Result<ProjectSource::Next>>(source_.read_again());
    host_.core().post([this, number, next, here] {
      if (!here.expired()) ended(std::move(*next), number);
    });
  };
  Result<std::thread> thread = start_thread("fl-reload", read);
  if (!thread.ok()) return tell(thread.status(), number);
  thread_ = *std::move(thread);
}

void GatewayReload::ended(Result<ProjectSource::Next> next, std::uint64_t number) {
  if (over_) return;
  thread_.join();
  tell(std::move(next), number);
  if (again_) begin();
}

void GatewayReload::tell(Result<ProjectSource::Next> next, std::uint64_t number) {
  service::ReloadOutcome outcome = outcome_of(std::move(next));
  report_.tell(outcome);
  desk_.told(number, std::move(outcome));
}

service::ReloadOutcome GatewayReload::outcome_of(Result<ProjectSource::Next> next) {
  service::ReloadOutcome outcome{.file = source_.file()};
  if (next.ok()) {
    Status updated = next->live.empty() ? Status() : host_.update(next->spec.gateway);
    if (!updated.ok()) next = std::move(updated);
  }
  if (!next.ok()) {
    outcome.errors.push_back(next.status());
    return outcome;
  }
  for (const config::Change& change : next->live) {
    outcome.changed.push_back(service::shown(change, false));
  }
  for (const config::Change& change : next->at_start) {
    if (std::ranges::find(ignored_, change.steps.front()) != ignored_.end()) continue;
    outcome.at_next_start.push_back(service::shown(change, false));
  }
  source_.take(*std::move(next));
  return outcome;
}

void GatewayReload::end() {
  if (std::exchange(over_, true)) return;
  desk_.end();
  if (thread_.joinable()) thread_.join();
}

}  // namespace fairlead::cli
