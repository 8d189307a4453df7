#include "fairlead/runtime/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead::runtime {

namespace {

// The file that a shell would run for `program`; empty when there is none.
std::string find_program(const std::string& program) {
  if (program.empty()) return {};
  if (program.find('/') != std::string::npos) {
    return ::access(program.c_str(), X_OK) == 0 ? program : std::string();
  }
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    std::string file = std::string(folder.empty() ? "." : folder) + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

std::vector<char*> variables_without(const std::vector<std::string>& hidden) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (std::ranges::none_of(hidden, [text](const auto& name) { return text.starts_with(name); })) {
      variables.push_back(*variable);
    }
  }
  variables.push_back(nullptr);
  return variables;
}

// What the new process does before it becomes another program. Between fork and exec of a process
// with threads only functions that are safe in a signal handler may be called: no memory is
// allocated here, everything was prepared.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* variables;
  pid_t parent;
  int input;
  int output;
  int failure;  // closes by itself when the program starts; else it carries errno

  [[noreturn]] void run() const {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(1);  // the parent ended before the line above
    struct sigaction usual = {};
    usual.sa_handler = SIG_DFL;
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) ::sigaction(signal, &usual, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    if (::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0) {
      ::execve(program, arguments, variables);
    }
    const int error = errno;
    (void)!::write(failure, &error, sizeof(error));
    _exit(127);
  }
};

// By number: the header of glibc 2.36 declares pidfd_open() for C only.
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

Status not_started(const std::string& program, int error) {
  return Status(Code::kInvalidOperation, "child.not_started",
                "cannot start '" + program + "': " + std::strerror(error));
}

// Closes what is left of a set of descriptors.
struct Descriptors {
  int output[2] = {-1, -1};
  int failure[2] = {-1, -1};
  int input = -1;

  ~Descriptors() {
    for (const int fd : {output[0], output[1], failure[0], failure[1], input}) {
      if (fd >= 0) ::close(fd);
    }
  }
  bool open() {
    input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return input >= 0 && ::pipe2(output, O_CLOEXEC) == 0 && ::pipe2(failure, O_CLOEXEC) == 0 &&
           ::fcntl(output[0], F_SETFL, O_NONBLOCK) == 0;
  }
};

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(io::Core& core,
                                                          const ChildOptions& options,
                                                          Handlers handlers) {
  core.assert_here();
  const std::string name = options.command.empty() ? std::string() : options.command.front();
  const std::string program = find_program(name);
  if (program.empty()) {
    return Status(
        Code::kInvalidOperation, "child.not_found",
        "there is no program '" + name + "' that can be run; build it, or correct its path");
  }
  Descriptors fds;
  if (!fds.open()) return not_started(name, errno);
  std::vector<char*> arguments;
  for (const std::string& word : options.command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  const std::vector<char*> variables = variables_without(options.hidden_variables);
  const Launch launch{.program = program.c_str(),
                      .arguments = arguments.data(),
                      .variables = variables.data(),
                      .parent = ::getpid(),
                      .input = fds.input,
                      .output = fds.output[1],
                      .failure = fds.failure[1]};
  const pid_t pid = ::fork();
  if (pid < 0) return not_started(name, errno);
  if (pid == 0) launch.run();
  ::close(std::exchange(fds.failure[1], -1));
  int error = 0;
  const bool failed = ::read(fds.failure[0], &error, sizeof(error)) == ssize_t{sizeof(error)};
  const int process = failed ? -1 : open_pidfd(pid);
  if (process < 0) {
    if (!failed) error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return not_started(name, error);
  }
  std::unique_ptr<ChildProcess> child(
      new ChildProcess(core, pid, process, std::exchange(fds.output[0], -1), std::move(handlers)));
  FL_TRY(child->watch());
  return child;
}

ChildProcess::ChildProcess(io::Core& core, pid_t pid, int process, int output, Handlers handlers)
    : core_(core), pid_(pid), process_(process), output_(output), handlers_(std::move(handlers)) {}

ChildProcess::~ChildProcess() {
  process_watch_.reset();
  output_watch_.reset();
  if (running()) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(process_);
  ::close(output_);
}

Status ChildProcess::watch() {
  FL_TRY_ASSIGN(output_watch_, core_.watch_readable(output_, [this] { read_output(); }));
  FL_TRY_ASSIGN(process_watch_, core_.watch_readable(process_, [this] { reap(); }));
  return {};
}

void ChildProcess::read_output() {
  char block[4096];
  while (true) {
    const ssize_t count = ::read(output_, block, sizeof(block));
    if (count <= 0) return;
    text_.append(block, static_cast<std::size_t>(count));
    tell_lines(false);
  }
}

void ChildProcess::tell_lines(bool all) {
  std::size_t from = 0;
  for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', from)) {
    handlers_.on_line(std::string_view(text_).substr(from, end - from));
    from = end + 1;
  }
  text_.erase(0, from);
  if (!text_.empty() && (all || text_.size() > kLineBytesMax)) {
    handlers_.on_line(std::exchange(text_, {}));
  }
}

void ChildProcess::reap() {
  siginfo_t info{};
  if (ended_.is_set() || ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return;
  }
  status_ = info.si_code == CLD_EXITED ? ExitStatus{.code = info.si_status}
                                       : ExitStatus{.signal = info.si_status};
  read_output();
  tell_lines(true);
  ended_.set();
  if (handlers_.on_exit) handlers_.on_exit(status_);
}

Task<ExitStatus> ChildProcess::stop(Deadline deadline) {
  if (running()) {
    ::kill(pid_, SIGTERM);
    Status waited = co_await ended_.wait(core_.timers(), deadline);
    if (!waited.ok()) {
      ::kill(-pid_, SIGKILL);
      Status killed = co_await ended_.wait(core_.timers(), Deadline());
      FL_CHECK(killed.ok());
    }
  }
  co_return status_;
}

}  // namespace fairlead::runtime
