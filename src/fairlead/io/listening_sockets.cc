#include "fairlead/io/listening_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/io/socket_listener.h"
#include "fairlead/io/socket_stream.h"

namespace fairlead::io {
namespace {

int option_of(int socket, int level, int name) {
  int value = 0;
  socklen_t length = sizeof(value);
  return getsockopt(socket, level, name, &value, &length) == 0 ? value : -1;
}

bool listens(int socket) {
  const int family = option_of(socket, SOL_SOCKET, SO_DOMAIN);
  return (family == AF_INET || family == AF_INET6 || family == AF_UNIX) &&
         option_of(socket, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
         option_of(socket, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

}  // namespace

ListeningSockets::~ListeningSockets() {
  FL_CHECK(listeners_.empty());
  drop_rest();
}

// Only of IPv6 the family is part of what is asked for: [::]:80 takes IPv4 too, tcp6://:80 does
// not.
std::string ListeningSockets::key_of(const Address& address) {
  return (address.only_ipv6() ? "tcp6://" : "") + address.to_text();
}

Status ListeningSockets::inherit(Socket socket) {
  if (!listens(socket.descriptor)) {
    if (socket.descriptor >= 0) ::close(socket.descriptor);
    return Status(Code::kInvalidOperation, "listen.bad_socket",
                  "descriptor " + std::to_string(socket.descriptor) +
                      " was handed to us and is no stream socket that listens");
  }
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(socket.descriptor, reinterpret_cast<sockaddr*>(&storage), &length);
  std::string bound = Address::from_socket(storage, length).to_text();
  if (storage.ss_family == AF_INET6 && option_of(socket.descriptor, IPPROTO_IPV6, IPV6_V6ONLY) == 1)
    bound.insert(0, "tcp6://");
  if (socket.address.empty()) socket.address = bound;
  // The service manager's sockets are as it made them.
  fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(socket.descriptor, F_SETFL, O_NONBLOCK);
  if (storage.ss_family != AF_UNIX) internal::set_tcp_options(socket.descriptor);
  inherited_.push_back({std::move(socket), std::move(bound)});
  return {};
}

ListeningSockets::Socket ListeningSockets::take(const Address& address) {
  const std::string key = key_of(address);
  auto found =
      std::ranges::find(inherited_, key, [](const auto& one) { return one.socket.address; });
  if (found == inherited_.end()) found = std::ranges::find(inherited_, key, &Inherited::bound);
  if (found == inherited_.end()) return {};
  Socket socket = std::move(found->socket);
  inherited_.erase(found);
  return socket;
}

void ListeningSockets::own() {
  for (Inherited& one : inherited_) one.socket.borrowed = false;
  for (internal::SocketListener* listener : listeners_) listener->own();
}

std::vector<std::string> ListeningSockets::drop_rest() {
  std::vector<std::string> addresses;
  for (Inherited& one : std::exchange(inherited_, {})) {
    ::close(one.socket.descriptor);
    addresses.push_back(std::move(one.bound));
  }
  return addresses;
}

std::vector<ListeningSockets::Socket> ListeningSockets::all() const {
  std::vector<Socket> sockets;
  for (const internal::SocketListener* listener : listeners_) sockets.push_back(listener->socket());
  return sockets;
}

void ListeningSockets::leave() {
  for (internal::SocketListener* listener : listeners_) listener->leave();
}

}  // namespace fairlead::io
