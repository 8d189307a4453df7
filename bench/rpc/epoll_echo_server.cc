// The ceiling: an echo server for the raw protocol as one would write it by hand for nothing else.
//
//   epoll_echo_server PORT
//
// One thread, edge-triggered epoll, one recv per event, all frames of a read answered by one send.
// An idle connection owns no buffer. No deadlines, no limits, no metadata, no router.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "raw_frame.h"

namespace {

using namespace fairlead::bench;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

struct Connection {
  int socket;
  std::string rest{};    // of a frame that was cut
  std::string unsent{};  // what the system did not take
};

class EchoServer {
 public:
  // False when the system refuses; errno says why.
  bool listen(std::uint16_t port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
           ::listen(listener_, 4096) == 0 && watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
  }

  void run() {
    std::array<epoll_event, 512> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* connection = static_cast<Connection*>(event.data.ptr);
        if (connection == nullptr) {
          accept_all();
        } else if (!handle(*connection, event.events)) {
          close(connection->socket);
          delete connection;
        }
      }
    }
  }

 private:
  bool watch(int operation, int socket, std::uint32_t wanted, Connection* connection) {
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = connection;
    return epoll_ctl(epoll_, operation, socket, &event) == 0;
  }

  void accept_all() {
    while (true) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      watch(EPOLL_CTL_ADD, socket, kEvents, new Connection{socket});
    }
  }

  // False: the connection is over.
  bool handle(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !send_rest(connection)) return false;
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return true;
    while (true) {
      const std::size_t before = connection.rest.size();
      if (before > 0) std::memcpy(input_.get(), connection.rest.data(), before);
      const ssize_t count = recv(connection.socket, input_.get() + before, kReadBytes - before, 0);
      if (count == 0) return false;
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      const std::size_t bytes = before + static_cast<std::size_t>(count);
      if (!answer(connection, bytes)) return false;
      if (bytes < kReadBytes) return true;  // a short read: nothing more is there
    }
  }

  bool answer(Connection& connection, std::size_t bytes) {
    output_.clear();
    std::size_t at = 0;
    while (true) {
      const RawFrame frame = parse_raw_frame(input_.get() + at, bytes - at);
      if (frame.bad || (frame.size == 0 && at == 0 && bytes == kReadBytes)) return false;
      if (frame.size == 0) break;
      at += frame.size;
      if (frame.kind != kCall) continue;
      head_.back() = static_cast<char>(frame.codec);
      append_raw_frame(output_, frame.seq, head_, frame.body);
    }
    connection.rest.assign(input_.get() + at, bytes - at);
    if (!connection.unsent.empty()) {
      connection.unsent.append(output_);
      return true;
    }
    return output_.empty() || send_or_keep(connection, output_);
  }

  bool send_or_keep(Connection& connection, const std::string& data) {
    const ssize_t count = send(connection.socket, data.data(), data.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return false;
    const std::size_t sent = count < 0 ? 0 : static_cast<std::size_t>(count);
    if (sent == data.size()) return true;
    connection.unsent = data.substr(sent);
    return watch(EPOLL_CTL_MOD, connection.socket, kEvents | EPOLLOUT, &connection);
  }

  bool send_rest(Connection& connection) {
    if (connection.unsent.empty()) return true;
    const std::string data = std::exchange(connection.unsent, std::string());
    if (!send_or_keep(connection, data)) return false;
    return !connection.unsent.empty() ||
           watch(EPOLL_CTL_MOD, connection.socket, kEvents, &connection);
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  std::unique_ptr<char[]> input_ = std::make_unique<char[]>(kReadBytes);
  std::string output_;
  std::string head_ = raw_frame_head(kReply, "", 0);
};

}  // namespace

int main(int argc, char** argv) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  EchoServer server;
  if (!server.listen(static_cast<std::uint16_t>(port))) {
    std::perror("cannot listen");
    return 1;
  }
  server.run();
}
