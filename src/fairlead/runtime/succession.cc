#include "fairlead/runtime/succession.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"
#include "fairlead/runtime/service_manager.h"
#include "fairlead/runtime/upgrade_request.h"

namespace fairlead::runtime {
namespace {

// What becomes the pid file when it is whole.
std::string part_of(const std::string& pid_file) {
  return pid_file + "." + std::to_string(::getpid());
}

Status bad_pid_file(const std::string& path) {
  return Status(Code::kInvalidOperation, "service.pid_file",
                "cannot write the pid file '" + escape_text(path) +
                    "'; does its folder exist, and may this program write there?");
}

// The number in the file; 0: there is none.
pid_t number_in(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t number = 0;
  file >> number;
  return file.fail() ? 0 : number;
}

// The path of what the process runs, also when another file has taken its place; empty: no such
// process, or another user's.
std::string program_of(const std::string& process) {
  constexpr std::string_view kReplaced = " (deleted)";
  std::error_code failed;
  std::string path = std::filesystem::read_symlink("/proc/" + process + "/exe", failed).string();
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

// Another living process of this program that has its number there; 0: none.
pid_t copy_in(const std::string& pid_file) {
  const pid_t number = number_in(pid_file);
  if (number <= 0 || number == ::getpid()) return 0;
  const std::string program = program_of(std::to_string(number));
  return !program.empty() && program == program_of("self") ? number : 0;
}

}  // namespace

Status check_pid_file(const std::string& path) {
  if (path.empty()) return {};
  struct stat facts{};
  const bool is_folder = ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (!is_folder && ::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return bad_pid_file(path);
}

Status Succession::begin(Options options, observe::Registry& registry) {
  options_ = std::move(options);
  int with_parent = 0;  // of this thread, the one that the program began with
  ends_with_parent_ = ::prctl(PR_GET_PDEATHSIG, &with_parent) == 0 && with_parent != 0;
  FL_TRY_ASSIGN(std::vector<io::ListeningSockets::Socket> lent, take_manager_sockets());
  for (io::ListeningSockets::Socket& socket : lent) FL_TRY(sockets_.inherit(std::move(socket)));
  FL_TRY_ASSIGN(predecessor_, Predecessor::find());
  if (predecessor_ != nullptr) {
    generation_ = predecessor_->generation();
    instance_ = predecessor_->instance();
    borrows_ = true;
  }
  FL_TRY_ASSIGN(const observe::Gauge generation,
                registry.gauge({"fairlead_runtime_generation",
                                "Programs that served here one after the other, this one too."}));
  generation.set(generation_);
  FL_TRY_ASSIGN(failed_, registry.counter(
                             {"fairlead_runtime_upgrades_failed_total",
                              "Upgrades of this program that were asked for and did not happen."}));
  if (predecessor_ == nullptr) return {};
  for (io::ListeningSockets::Socket& socket : predecessor_->take_sockets()) {
    socket.borrowed = true;
    FL_TRY(sockets_.inherit(std::move(socket)));
  }
  return {};
}

void Succession::drop_rest() {
  for (const std::string& address : sockets_.drop_rest()) {
    FL_LOG(warn, "service.socket_dropped", {"address", address});
  }
}

Task<Status> Succession::take_over(io::Core& core) {
  FL_CO_TRY(write_pid_file());
  const std::string part = part_of(options_.pid_file);
  const bool first = predecessor_ == nullptr;
  if (!first) {
    Status taken = co_await predecessor_->take_over(core);
    if (!taken.ok()) {
      if (!options_.pid_file.empty()) std::remove(part.c_str());
      ending_ = true;
      predecessor_.reset();
      co_return taken;
    }
    sockets_.own();
    borrows_ = false;
    FL_LOG(info, "service.took_over", {"service", options_.name}, {"generation", generation_});
  }
  // The one before may be ending; if it is not, an upgrade will find one of both only.
  if (const pid_t copy = first ? copy_in(options_.pid_file) : 0; copy != 0) {
    FL_LOG(warn, "service.pid_file_taken", {"file", options_.pid_file}, {"process", ::getpid()},
           {"before", copy});
  }
  // Whole or not at all, so that nobody reads half a number. There is no way back any more.
  if (!options_.pid_file.empty() && std::rename(part.c_str(), options_.pid_file.c_str()) != 0) {
    FL_LOG(error, "service.pid_file", {"file", options_.pid_file});
  }
  if (first) notify_manager("READY=1");
  predecessor_.reset();  // by which the other one hears that this is done
  co_return Status();
}

// Beside its place, so that what can fail fails before another process has given way.
Status Succession::write_pid_file() const {
  if (options_.pid_file.empty()) return {};
  const std::string part = part_of(options_.pid_file);
  std::ofstream file(part);
  file << ::getpid() << '\n';
  file.close();
  if (file.good()) return {};
  std::remove(part.c_str());
  return bad_pid_file(options_.pid_file);
}

void Succession::remove_pid_file() const {
  if (options_.pid_file.empty() || successor_ != 0) return;
  if (number_in(options_.pid_file) == ::getpid()) std::remove(options_.pid_file.c_str());
}

void Succession::upgrade(io::Core& core, Duration ready_timeout, pid_t asker,
                         std::function<void()> over) {
  if (asks_again(asker)) return;
  const Status started = start_upgrade(core, ready_timeout);
  if (!started.ok()) return refuse_upgrade(asker, started);
  asker_ = asker;
  answered_ = {};
  over_ = std::move(over);
}

// Who waits asks until it is told, and perhaps once more while the answer is on its way.
bool Succession::asks_again(pid_t asker) const {
  if (asker == 0 || asker != asker_) return false;
  return answered_ == Time() || steady_now() - answered_ < kAskAgain;
}

void Succession::answer(const Result<pid_t>& outcome) {
  answered_ = steady_now();
  if (!answer_upgrade(asker_, outcome)) asker_ = 0;
}

void Succession::refuse_upgrade(pid_t asker, const Status& why) {
  failed_.add();
  FL_LOG(error, "service.not_upgraded", {"reason", why.reason()}, {"message", why.message()});
  (void)answer_upgrade(asker, why);
}

std::string Succession::describe() const {
  if (successor() != 0) return "process " + std::to_string(successor()) + " has taken over";
  if (starting() != 0) return "starting process " + std::to_string(starting());
  return "none";
}

void Succession::tell_state(std::string_view from, std::string_view to, std::string_view reason,
                            std::string_view evidence) const {
  if (options_.transitions == nullptr) return;
  options_.transitions->tell(observe::LogLevel::kDebug, {.event = "upgrade.state",
                                                         .name = options_.name,
                                                         .from = from,
                                                         .to = to,
                                                         .reason = reason,
                                                         .evidence = evidence});
}

Status Succession::start_upgrade(io::Core& core, Duration ready_timeout) {
  if (ending_) {
    return Status(Code::kOverloaded, "upgrade.draining", "this program is ending");
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
  if (ends_with_parent_) {
    return Status(Code::kInvalidOperation, "upgrade.not_possible",
                  "this program ends with process " + std::to_string(::getppid()) +
                      ", which started it and would not know another one: have that one start it "
                      "anew");
  }
  FL_TRY(program_.status());
  const Upgrade::Options options{.start = *program_,
                                 .ready_timeout = ready_timeout,
                                 .generation = generation_ + 1,
                                 .instance = instance_};
  FL_TRY_ASSIGN(upgrade_, Upgrade::start(
                              core, options, sockets_.all(),
                              [this](const Result<pid_t>& successor) { end_upgrade(successor); },
                              [this] { settle(); }));
  FL_LOG(info, "service.upgrading", {"service", options_.name}, {"program", options.start.program},
         {"process", upgrade_->pid()});
  tell_state("none", "starting", "", std::to_string(upgrade_->pid()));
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(steady_now().time_since_epoch());
  notify_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
  return {};
}

void Succession::end_upgrade(const Result<pid_t>& successor) {
  if (!successor.ok()) {
    const Status& why = successor.status();
    failed_.add();
    FL_LOG(error, "service.not_upgraded", {"reason", why.reason()}, {"message", why.message()});
    tell_state("starting", "none", why.reason(), why.message());
    if (!ending_) notify_manager("READY=1\nSTATUS=not upgraded: " + std::string(why.reason()));
    over_ = nullptr;
    return answer(successor);
  }
  successor_ = *successor;
  ending_ = true;
  sockets_.leave();
  tell_state("starting", "taken_over", "", std::to_string(successor_));
  FL_LOG(info, "service.upgraded", {"service", options_.name}, {"process", successor_});
}

// Not before the new one has its name in the pid file and does as it is told: whoever hears of it
// may ask it for the next upgrade.
void Succession::settle() {
  if (over_ == nullptr) return;
  notify_manager("MAINPID=" + std::to_string(successor_) + "\nREADY=1\nSTATUS=upgraded: process " +
                 std::to_string(successor_) + " has taken over from process " +
                 std::to_string(::getpid()));
  answer(successor_);
  std::exchange(over_, nullptr)();
}

void Succession::close() {
  if (successor_ != 0) settle();  // who ends at once has told everybody, too
  upgrade_.reset();
}

void Succession::end() {
  if (predecessor_ != nullptr) {
    predecessor_->give_up();  // and it goes on
  } else if (successor_ == 0 && !std::exchange(ending_, true)) {
    notify_manager("STOPPING=1");
  }
  ending_ = true;
  if (upgrade_ != nullptr) upgrade_->call_off();
}

}  // namespace fairlead::runtime
