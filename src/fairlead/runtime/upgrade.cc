#include "fairlead/runtime/upgrade.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/runtime/child_process.h"
#include "fairlead/runtime/hand_over.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTermPatience = 2s;  // of a program that was asked to end

// Environment without what was meant for this process, and with the way to us.
std::vector<std::string> variables_with(int control) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (name != kUpgradeVariable && name != "LISTEN_FDS" && name != "LISTEN_PID" &&
        name != "LISTEN_FDNAMES") {
      variables.emplace_back(text);
    }
  }
  variables.push_back(std::string(kUpgradeVariable) + "=" + std::to_string(control));
  return variables;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Gives errno. posix_spawn() is safe in a process with threads and tells why exec failed.
int spawn(const ProgramStart& start, int control, pid_t& pid) {
  const std::vector<std::string> variables = variables_with(control);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) return error;
  if (const int error = posix_spawnattr_init(&attributes); error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  sigset_t usual;
  sigset_t none;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&usual, signal);
  // A copy onto itself: open in the new program, though it is not in others that we start.
  int error = posix_spawn_file_actions_adddup2(&actions, control, control);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &usual);
  if (error == 0) {
    error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  if (error == 0) {
    error = posix_spawn(&pid, start.program.c_str(), &actions, &attributes,
                        pointers_to(start.arguments).data(), pointers_to(variables).data());
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

struct Pair {
  int ends[2] = {-1, -1};
  ~Pair() {
    for (const int fd : ends) {
      if (fd >= 0) ::close(fd);
    }
  }
};

Status not_started(const std::string& program, int error) {
  return Status(Code::kInvalidOperation, "upgrade.not_started",
                "cannot start '" + escape_text(program) + "': " + std::strerror(error));
}

}  // namespace

Result<std::unique_ptr<Upgrade>> Upgrade::start(
    io::Core& core, const Options& options,
    const std::vector<io::ListeningSockets::Socket>& sockets, Over over, Settled settled) {
  core.assert_here();
  const std::string& program = options.start.program;
  Pair pair;
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends) != 0) {
    return not_started(program, errno);
  }
  // It waits in the socket, so that a program that does not want it costs us nothing.
  FL_TRY(send_hand_over(
      pair.ends[0],
      {.generation = options.generation, .instance = options.instance, .sockets = sockets}));
  pid_t pid = 0;
  if (const int error = spawn(options.start, pair.ends[1], pid); error != 0) {
    return not_started(program, error);
  }
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return not_started(program, error);
  }
  std::unique_ptr<Upgrade> upgrade(
      new Upgrade(core, pid, process, std::exchange(pair.ends[0], -1), options.settle_patience,
                  {.over = std::move(over), .settled = std::move(settled)}));
  FL_TRY(upgrade->watch());
  core.timers().arm(*upgrade, core.now() + options.ready_timeout);
  return upgrade;
}

Upgrade::Upgrade(io::Core& core, pid_t pid, int process, int control, Duration settle_patience,
                 Told told)
    : core_(core),
      pid_(pid),
      process_(process),
      control_(control),
      settle_patience_(settle_patience),
      told_(std::move(told)) {}

Upgrade::~Upgrade() {
  control_watch_.reset();
  process_watch_.reset();
  if (!over()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(process_);
  ::close(control_);
}

Status Upgrade::watch() {
  FL_TRY_ASSIGN(control_watch_, core_.watch_readable(control_, [this] { read_word(); }));
  FL_TRY_ASSIGN(process_watch_, core_.watch_readable(process_, [this] { reap(); }));
  return {};
}

void Upgrade::read_word() {
  bool gone = false;
  const std::string word = receive_word(control_, {}, gone);
  if (over()) {
    if (gone) settle();
    return;
  }
  if (!why_.ok() || word != kReady) return;
  // From here on it serves, whatever becomes of this process.
  if (send_word(control_, kGo)) finish(pid_);
}

void Upgrade::reap() {
  if (over()) return settle();
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
    return;
  }
  if (!why_.ok()) return finish(why_);
  const ExitStatus status = info.si_code == CLD_EXITED ? ExitStatus{.code = info.si_status}
                                                       : ExitStatus{.signal = info.si_status};
  finish(Status(Code::kInternal, "upgrade.ended",
                "the new program ended before it was ready (" + status.to_string() +
                    "); what it wrote stands in the output of the one that serves"));
}

void Upgrade::on_timer() {
  if (over()) return settle();
  if (!why_.ok()) {
    ::kill(pid_, SIGKILL);  // reap() hears of it
    return;
  }
  end_it(Status(Code::kDeadlineExceeded, "upgrade.not_ready",
                "the new program was not ready in time (upgrade.ready_timeout) and was ended"));
}

void Upgrade::call_off() {
  if (over() || !why_.ok()) return;
  end_it(Status(Code::kCancelled, "upgrade.called_off", "this program was told to end meanwhile"));
}

void Upgrade::end_it(Status why) {
  why_ = std::move(why);
  send_word(control_, kNo);
  ::kill(pid_, SIGTERM);
  core_.timers().arm(*this, core_.now() + kTermPatience);
}

void Upgrade::finish(Result<pid_t> result) {
  disarm();
  if (result.ok()) {
    core_.timers().arm(*this, core_.now() + settle_patience_);
  } else {
    told_.settled = nullptr;
  }
  std::exchange(told_.over, nullptr)(std::move(result));
}

void Upgrade::settle() {
  disarm();
  if (told_.settled != nullptr) std::exchange(told_.settled, nullptr)();
}

}  // namespace fairlead::runtime
