#include "fairlead/store/wake_socket.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fairlead::store::internal {
namespace {

constexpr int kStoresPerProcessMax = 1000;
constexpr int kPeersMax = 4096;

bool make_address(const std::string& path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, path.data(), path.size());
  return true;
}

}  // namespace

WakeSocket::WakeSocket(const std::string& store_path) {
  const std::string folder = store_path + ".wake";
  ::mkdir(folder.c_str(), 0700);
  folder_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) return;
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return;
  for (int i = 0; i < kStoresPerProcessMax; ++i) {
    const std::string name = std::to_string(::getpid()) + "." + std::to_string(i);
    sockaddr_un address{};
    if (!make_address(address_of(name), address)) break;
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      socket_ = socket;
      name_ = name;
      return;
    }
    if (errno != EADDRINUSE) break;
  }
  ::close(socket);
}

WakeSocket::~WakeSocket() {
  if (socket_ >= 0) {
    ::unlinkat(folder_, name_.c_str(), 0);
    ::close(socket_);
  }
  if (folder_ >= 0) ::close(folder_);
}

void WakeSocket::drain() const {
  char byte = 0;
  while (socket_ >= 0 && ::recv(socket_, &byte, 1, 0) > 0) {
  }
}

void WakeSocket::notify() const {
  if (socket_ < 0) return;
  const int copy = ::openat(folder_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* names = copy < 0 ? nullptr : ::fdopendir(copy);
  if (names == nullptr) {
    if (copy >= 0) ::close(copy);
    return;
  }
  int peers = 0;
  while (const dirent* entry = ::readdir(names)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == name_) continue;
    if (++peers > kPeersMax) break;
    sockaddr_un address{};
    if (!make_address(address_of(name), address)) continue;
    // A full queue means that the peer has a wake-up already.
    if (::sendto(socket_, "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
        errno == ECONNREFUSED) {
      ::unlinkat(folder_, name.c_str(), 0);
    }
  }
  ::closedir(names);
}

std::string WakeSocket::address_of(const std::string& name) const {
  return "/proc/self/fd/" + std::to_string(folder_) + "/" + name;
}

}  // namespace fairlead::store::internal
