// How a process takes the place of another one, and gives its own to a new program.
//
//   USR2 ─► upgrade() ─► runtime::Upgrade ─┬ ready ──► end_upgrade(): listeners leave, stop()
//   drains
//                                          └ failed ─► end_upgrade(): told, and nothing else
//   started by it ─► inherit_sockets() ─► listen, register ─► take_over()
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/runtime/service_manager.h"
#include "fairlead/runtime/upgrade_request.h"
#include "fairlead/service/process.h"

namespace fairlead::service {
namespace {

// What becomes the pid file when it is whole.
std::string part_of(const std::string& pid_file) {
  return pid_file + "." + std::to_string(::getpid());
}

}  // namespace

Status Process::inherit_sockets() {
  FL_TRY_ASSIGN(std::vector<io::ListeningSockets::Socket> lent, runtime::take_manager_sockets());
  for (io::ListeningSockets::Socket& socket : lent) FL_TRY(sockets_.inherit(std::move(socket)));
  FL_TRY_ASSIGN(predecessor_, runtime::Predecessor::find());
  if (predecessor_ != nullptr) generation_ = predecessor_->generation();
  FL_TRY_ASSIGN(const observe::Gauge generation,
                metrics_.gauge({"fairlead_service_generation",
                                "Programs that served here one after the other, this one too."}));
  generation.set(generation_);
  FL_TRY_ASSIGN(upgrades_failed_,
                metrics_.counter({"fairlead_service_upgrades_failed_total",
                                  "New programs that did not take over from this one."}));
  if (predecessor_ == nullptr) return {};
  for (io::ListeningSockets::Socket& socket : predecessor_->take_sockets()) {
    FL_TRY(sockets_.inherit(std::move(socket)));
  }
  return {};
}

// Everything is open. From here on this process is the one that serves, or it is not at all.
Status Process::take_over() {
  FL_TRY(write_pid_file());
  const std::string pid_file = part_of(spec_.pid_file);
  if (predecessor_ != nullptr) {
    const Status taken = predecessor_->take_over();
    if (!taken.ok()) {
      if (!spec_.pid_file.empty()) std::remove(pid_file.c_str());
      return taken;
    }
    predecessor_.reset();
    FL_LOG(info, "service.took_over", {"service", name_}, {"generation", generation_});
  } else {
    runtime::notify_manager("READY=1");
  }
  // Whole or not at all, so that nobody reads half a number. There is no way back any more.
  if (!spec_.pid_file.empty() && std::rename(pid_file.c_str(), spec_.pid_file.c_str()) != 0) {
    FL_LOG(error, "service.pid_file", {"file", spec_.pid_file});
  }
  return {};
}

// Beside its place, so that what can fail fails before another process has given way.
Status Process::write_pid_file() const {
  if (spec_.pid_file.empty()) return {};
  const std::string part = part_of(spec_.pid_file);
  std::ofstream file(part);
  file << ::getpid() << '\n';
  file.close();
  if (file.good()) return {};
  std::remove(part.c_str());
  return Status(Code::kInvalidOperation, "service.pid_file",
                "cannot write the pid file '" + escape_text(spec_.pid_file) +
                    "'; does its folder exist, and may this program write there?");
}

// It may be another process's by now.
void Process::remove_pid_file() const {
  if (spec_.pid_file.empty() || successor_ != 0) return;
  std::ifstream file(spec_.pid_file);
  pid_t told = 0;
  if (file >> told && told == ::getpid()) std::remove(spec_.pid_file.c_str());
}

void Process::upgrade(pid_t asker) {
  const Status started = start_upgrade(asker);
  if (started.ok()) return;
  upgrades_failed_.add();
  FL_LOG(warn, "service.not_upgraded", {"reason", started.reason()},
         {"message", started.message()});
  runtime::answer_upgrade(asker, started);
}

Status Process::start_upgrade(pid_t asker) {
  if (draining_) {
    return Status(Code::kOverloaded, "upgrade.draining", "this program is ending");
  }
  if (!ready_) {
    return Status(Code::kInvalidOperation, "upgrade.not_serving",
                  "this program does not serve, or has not begun to");
  }
  if (upgrade_ != nullptr && !upgrade_->over()) {
    return Status(
        Code::kConflict, "upgrade.under_way",
        "a new program, process " + std::to_string(upgrade_->pid()) + ", is being started already");
  }
  if (::getpid() == 1) {
    return Status(Code::kInvalidOperation, "upgrade.first_process",
                  "this program is the first process of its container, which ends with it; start "
                  "a new container");
  }
  FL_TRY(program_.status());
  const runtime::Upgrade::Options options{.start = *program_,
                                          .ready_timeout = settings_->now()->upgrade_ready_timeout,
                                          .generation = generation_ + 1};
  FL_TRY_ASSIGN(upgrade_, runtime::Upgrade::start(cores_->first(), options, sockets_.all(),
                                                  [this, asker](const Result<pid_t>& successor) {
                                                    end_upgrade(asker, successor);
                                                  }));
  transitions_.tell(observe::LogLevel::kDebug, {.event = "upgrade.state",
                                                .name = name_,
                                                .from = "none",
                                                .to = "starting",
                                                .evidence = std::to_string(upgrade_->pid())});
  FL_LOG(info, "service.upgrading", {"service", name_}, {"program", options.start.program},
         {"process", upgrade_->pid()});
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(steady_now().time_since_epoch());
  runtime::notify_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
  return {};
}

void Process::end_upgrade(pid_t asker, const Result<pid_t>& successor) {
  if (!successor.ok()) {
    const Status& why = successor.status();
    upgrades_failed_.add();
    transitions_.tell(observe::LogLevel::kDebug, {.event = "upgrade.state",
                                                  .name = name_,
                                                  .from = "starting",
                                                  .to = "none",
                                                  .reason = why.reason(),
                                                  .evidence = why.message()});
    FL_LOG(error, "service.not_upgraded", {"reason", why.reason()}, {"message", why.message()});
    if (!draining_)
      runtime::notify_manager("READY=1\nSTATUS=not upgraded: " + std::string(why.reason()));
    return runtime::answer_upgrade(asker, successor);
  }
  successor_ = *successor;
  transitions_.tell(observe::LogLevel::kDebug, {.event = "upgrade.state",
                                                .name = name_,
                                                .from = "starting",
                                                .to = "taken_over",
                                                .evidence = std::to_string(successor_)});
  draining_ = true;
  sockets_.leave();
  FL_LOG(info, "service.upgraded", {"service", name_}, {"process", successor_});
  runtime::notify_manager("MAINPID=" + std::to_string(successor_) + "\nREADY=1");
  runtime::answer_upgrade(asker, successor);
  end_serving();
}

}  // namespace fairlead::service
