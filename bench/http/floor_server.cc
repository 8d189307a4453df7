// The floor of bench/http: what an HTTP/1.1 server cannot do without. One read, a search for the
// head's end and its Content-Length, one write of a head that never changes and the same body.
//
//   floor_server PORT          answers every request with 200 and its body
//   floor_server PORT --tcp    sends every byte back and knows no protocol
//
// It checks nothing, knows no limit, timer, chunk or Date, and expects whole requests that come one
// at a time: no server for a network.
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
#include <string_view>

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::string_view kEnd = "\r\n\r\n";

class Floor {
 public:
  explicit Floor(bool tcp) : tcp_(tcp) {}

  // False when the system refuses; errno says why.
  bool listen(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
           ::listen(listener_, 4096) == 0 && watch(listener_, EPOLLIN);
  }

  void run() {
    std::array<epoll_event, 512> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int socket = events[static_cast<std::size_t>(i)].data.fd;
        if (socket == listener_) {
          accept_all();
        } else if (!handle(socket)) {
          close(socket);
        }
      }
    }
  }

 private:
  bool watch(int socket, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0;
  }

  void accept_all() const {
    while (true) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      if (!watch(socket, EPOLLIN | EPOLLRDHUP | EPOLLET)) close(socket);
    }
  }

  // False: the connection is over.
  bool handle(int socket) {
    const ssize_t count = recv(socket, input_.get(), kReadBytes, 0);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    const std::string_view bytes(input_.get(), static_cast<std::size_t>(count));
    if (tcp_) return send_all(socket, bytes);
    const std::size_t end = bytes.find(kEnd);
    if (end == std::string_view::npos) return false;
    const std::string_view body = bytes.substr(end + kEnd.size());
    if (body.size() != length_in(bytes.substr(0, end + 2))) return false;
    output_ = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
    output_ += std::to_string(body.size());
    output_.append(kEnd).append(body);
    return send_all(socket, output_);
  }

  static std::size_t length_in(std::string_view head) {
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t at = head.find(kLength);
    if (at == std::string_view::npos) return 0;
    return std::strtoull(head.data() + at + kLength.size(), nullptr, 10);
  }

  static bool send_all(int socket, std::string_view bytes) {
    return send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  const bool tcp_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  std::unique_ptr<char[]> input_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  std::string output_;
};

}  // namespace

int main(int argc, char** argv) {
  const long port = argc >= 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  const bool tcp = argc == 3 && std::string_view(argv[2]) == "--tcp";
  if (port < 1 || port > 65535 || (argc != 2 && !tcp)) {
    std::fprintf(stderr, "usage: %s PORT [--tcp]\n", argv[0]);
    return 2;
  }
  Floor server(tcp);
  if (!server.listen(static_cast<std::uint16_t>(port))) {
    std::perror("cannot listen");
    return 1;
  }
  server.run();
}
