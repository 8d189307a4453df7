#include "fairlead/runtime/upgrade_request.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "fairlead/base/text.h"

namespace fairlead::runtime {
namespace {

constexpr std::size_t kAnswerBytesMax = 4096;
constexpr std::string_view kReadyKind = "ready";
constexpr std::string_view kRefusedKind = "refused";
// Of a version that takes who asks again for another one who asks.
constexpr std::string_view kFailedKind = "failed";

struct Descriptor {
  int fd;
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// In the abstract space: no file, and gone with its process.
struct Place {
  sockaddr_un address{};
  socklen_t length = 0;

  explicit Place(pid_t asker) {
    const std::string name = "fairlead-upgrade-" + std::to_string(asker);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// Whether the set of signals behind `name` in a file of /proc, which is hexadecimal, holds USR2.
bool holds_usr2(const std::string& file, std::string_view name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    return (std::strtoull(line.c_str() + name.size(), nullptr, 16) >> (SIGUSR2 - 1) & 1U) != 0;
  }
  return false;
}

// As our programs do: blocked, and read from a descriptor. Others that handle the signal may end
// by it all the same, as shells do. Another user's descriptors are not to be seen; the signal will
// be refused too, then.
bool waits_for_usr2(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  if (!holds_usr2(folder + "/status", "SigBlk:")) return false;
  std::error_code error;
  std::filesystem::directory_iterator descriptor(folder + "/fdinfo", error);
  if (error == std::errc::permission_denied) return true;
  for (const std::filesystem::directory_iterator end; !error && descriptor != end;
       descriptor.increment(error)) {
    if (holds_usr2(descriptor->path().string(), "sigmask:")) return true;
  }
  return false;
}

// By the descriptor: the number may be another process's by now.
bool send_usr2(int process) {
  return ::syscall(SYS_pidfd_send_signal, process, SIGUSR2, nullptr, 0) == 0;
}

Status no_process(pid_t pid) {
  return Status(Code::kDialFailed, "upgrade.no_process",
                "there is no process " + std::to_string(pid));
}

std::string answer_of(const Result<pid_t>& outcome) {
  if (outcome.ok()) return std::string(kReadyKind) + " " + std::to_string(*outcome);
  const Status& status = outcome.status();
  return std::string(kRefusedKind) + " " + std::to_string(static_cast<int>(status.code())) + " " +
         std::string(status.reason()) + " " + std::string(status.message());
}

Result<pid_t> parse_answer(std::string_view text) {
  const auto word = [&text] {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view front = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    return front;
  };
  const std::string_view kind = word();
  const std::optional<std::uint64_t> number = parse_uint64(word());
  if (kind == kReadyKind && number.has_value()) return static_cast<pid_t>(*number);
  const auto code = static_cast<Code>(number.value_or(0));
  const std::string_view reason = word();
  if (code == Code::kOk) return Status(Code::kInternal, "upgrade.bad_answer", "an unknown answer");
  return Status(code, reason, text);
}

// Only what `pid` itself sent.
std::optional<std::string> receive_from(int socket, pid_t pid) {
  char text[kAnswerBytesMax];
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))];
  iovec bytes{.iov_base = text, .iov_len = sizeof(text)};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  const ssize_t count = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return std::nullopt;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(head), sizeof(sender));
    if (sender.pid == pid) return std::string(text, static_cast<std::size_t>(count));
  }
  return std::nullopt;
}

}  // namespace

Result<pid_t> ask_for_upgrade(pid_t pid, Duration patience) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.fd < 0) return no_process(pid);
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Place place(::getpid());
  const int on = 1;
  if (socket.fd < 0 || ::bind(socket.fd, place.get(), place.length) != 0 ||
      ::setsockopt(socket.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
    return Status(Code::kInternal, "upgrade.no_socket",
                  std::string("no socket for the answer: ") + std::strerror(errno));
  }
  if (!waits_for_usr2(pid)) {
    return Status(Code::kInvalidOperation, "upgrade.not_possible",
                  "process " + std::to_string(pid) +
                      " does not wait for USR2, which could end it: it is no program that can be "
                      "upgraded, or it has not started yet");
  }
  if (!send_usr2(process.fd)) {
    if (errno != EPERM) return no_process(pid);
    return Status(Code::kForbidden, "upgrade.not_allowed",
                  "process " + std::to_string(pid) + " is another user's");
  }
  const Time end = steady_now() + patience;
  Time again = steady_now() + kAskAgain;
  bool asked_again = false;
  while (true) {
    if (const std::optional<std::string> answer = receive_from(socket.fd, pid)) {
      Result<pid_t> outcome = parse_answer(*answer);
      const bool about_ourselves = asked_again && answer->starts_with(kFailedKind) &&
                                   outcome.status().reason() == "upgrade.under_way";
      if (!about_ourselves) return outcome;
      again = end;
      continue;
    }
    const Time now = steady_now();
    if (now >= end) break;
    if (now >= again) {
      asked_again = send_usr2(process.fd) || asked_again;
      again = now + kAskAgain;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::min(end, again) - now).count();
    pollfd waits[] = {{.fd = socket.fd, .events = POLLIN, .revents = 0},
                      {.fd = process.fd, .events = POLLIN, .revents = 0}};
    if (::poll(waits, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000))) <= 0) continue;
    if (waits[0].revents == 0 && waits[1].revents != 0) {
      return Status(Code::kInternal, "upgrade.died",
                    "process " + std::to_string(pid) +
                        " ended without an answer; if somebody else asked too, it may have been "
                        "upgraded: its log says so");
    }
  }
  return Status(
      Code::kDeadlineExceeded, "upgrade.no_answer",
      "process " + std::to_string(pid) + " gave no answer; its log says what became of it");
}

bool answer_upgrade(pid_t asker, const Result<pid_t>& outcome) {
  if (asker <= 0) return false;
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd < 0) return false;
  std::string text = answer_of(outcome);
  text.resize(std::min(text.size(), kAnswerBytesMax));
  const Place place(asker);
  return ::sendto(socket.fd, text.data(), text.size(), MSG_NOSIGNAL, place.get(), place.length) >=
         0;
}

}  // namespace fairlead::runtime
