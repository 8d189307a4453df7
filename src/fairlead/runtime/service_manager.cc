#include "fairlead/runtime/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/runtime/hand_over.h"

namespace fairlead::runtime {
namespace {

constexpr int kFirstDescriptor = 3;

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void notify_manager(std::string_view lines) {
  const std::string where = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (where.size() < 2 || where.size() >= sizeof(address.sun_path)) return;
  if (where.front() != '/' && where.front() != '@') return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, where.data(), where.size());
  if (where.front() == '@') address.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where.size());
  (void)::sendto(socket, lines.data(), lines.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length);
  ::close(socket);
}

Result<std::vector<io::ListeningSockets::Socket>> take_manager_sockets() {
  const std::string count = variable("LISTEN_FDS");
  const bool ours = parse_uint64(variable("LISTEN_PID")) == static_cast<std::uint64_t>(::getpid());
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  std::vector<io::ListeningSockets::Socket> sockets;
  if (!ours || count.empty()) return sockets;
  const std::optional<std::uint64_t> number = parse_uint64(count);
  if (!number.has_value() || *number > kSocketsMax) {
    return Status(Code::kInvalidOperation, "listen.bad_socket",
                  "LISTEN_FDS is '" + escape_text(count) + "': it must be a number up to " +
                      std::to_string(kSocketsMax));
  }
  for (int i = 0; i < static_cast<int>(*number); ++i) {
    sockets.push_back({.descriptor = kFirstDescriptor + i, .lent = true});
  }
  return sockets;
}

}  // namespace fairlead::runtime
