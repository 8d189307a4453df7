#include "fairlead/runtime/hand_over.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "fairlead/base/text.h"

namespace fairlead::runtime {
namespace {

constexpr std::string_view kTitle = "fairlead-upgrade 1";
constexpr std::size_t kTextBytesMax = std::size_t{64} * 1024;  // 253 addresses are 30 KiB at most

Status bad(std::string_view what) {
  return Status(Code::kInvalidOperation, "upgrade.bad_hand_over",
                "the process before this one did not hand over: " + std::string(what));
}

bool readable_within(int socket, Duration patience) {
  pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
  const Time end = steady_now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_now()).count();
    const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready > 0) return true;
    if ((ready == 0 && left <= 60'000) || (ready < 0 && errno != EINTR)) return false;
  }
}

// Descriptors of one message; closed unless taken.
struct Received {
  std::vector<int> descriptors{};

  ~Received() {
    for (const int fd : descriptors) ::close(fd);
  }
  void read(msghdr& message) {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
        descriptors.push_back(fd);
      }
    }
  }
};

Result<HandOver> parse(std::string_view text) {
  HandOver out;
  bool titled = false;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    const std::string_view rest = space == line.npos ? std::string_view() : line.substr(space + 1);
    if (!titled) {
      if (line != kTitle) return bad("it speaks another version");
      titled = true;
    } else if (word == "generation") {
      const std::optional<std::uint64_t> number = parse_uint64(rest);
      if (!number.has_value() || *number > 0xFFFF'FFFFU) return bad("its generation is no number");
      out.generation = static_cast<std::uint32_t>(*number);
    } else if (word == "instance") {
      out.instance = rest;
    } else if (word == "socket" || word == "lent") {
      out.sockets.push_back({.address = std::string(rest), .lent = word == "lent"});
    }
  }
  return out;
}

}  // namespace

Status send_hand_over(int socket, const HandOver& hand_over) {
  const std::size_t count = hand_over.sockets.size();
  if (count > kSocketsMax) {
    return Status(Code::kLocalLimit, "upgrade.too_many_sockets",
                  std::to_string(count) + " sockets listen; an upgrade takes at most " +
                      std::to_string(kSocketsMax));
  }
  std::string text(kTitle);
  text += "\ngeneration " + std::to_string(hand_over.generation);
  if (!hand_over.instance.empty()) text += "\ninstance " + hand_over.instance;
  std::vector<int> descriptors;
  for (const auto& one : hand_over.sockets) {
    text += (one.lent ? "\nlent " : "\nsocket ") + one.address;
    descriptors.push_back(one.descriptor);
  }
  iovec bytes{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kSocketsMax * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = space.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(head), descriptors.data(), count * sizeof(int));
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    return Status(Code::kInternal, "upgrade.not_sent",
                  std::string("the sockets could not be handed over: ") + std::strerror(errno));
  }
  return {};
}

Result<HandOver> receive_hand_over(int socket, Duration patience) {
  if (!readable_within(socket, patience)) return bad("nothing came");
  std::string text(kTextBytesMax, '\0');
  iovec bytes{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kSocketsMax * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count <= 0) return bad(count < 0 ? std::strerror(errno) : "it is gone");
  Received received;
  received.read(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return bad("more came than may come");
  text.resize(static_cast<std::size_t>(count));
  FL_TRY_ASSIGN(HandOver out, parse(text));
  if (out.sockets.size() != received.descriptors.size()) {
    return bad(std::to_string(out.sockets.size()) + " sockets are named and " +
               std::to_string(received.descriptors.size()) + " came");
  }
  for (std::size_t i = 0; i < out.sockets.size(); ++i) {
    out.sockets[i].descriptor = received.descriptors[i];
  }
  received.descriptors.clear();
  return out;
}

bool send_word(int socket, std::string_view word) {
  return ::send(socket, word.data(), word.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

std::string receive_word(int socket, Duration patience, bool& gone) {
  gone = false;
  if (!readable_within(socket, patience)) return {};
  char word[64];
  const ssize_t count = ::recv(socket, word, sizeof(word), MSG_DONTWAIT);
  gone = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  return count > 0 ? std::string(word, static_cast<std::size_t>(count)) : std::string();
}

}  // namespace fairlead::runtime
