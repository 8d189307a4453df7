// The ceiling: an echo server for the raw protocol as one would write it by hand for nothing else.
//
//   epoll_echo_server PORT [--unix PATH]
//
// One thread, edge-triggered epoll, one recv per event, all frames of a read answered by one send.
// An idle connection owns no buffer. No deadlines, no limits, no metadata, no router.
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "raw_socket.h"

namespace {

using namespace fairlead::bench;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// A listener too: the event says which of the two a descriptor is.
struct Connection {
  int socket;
  bool listener = false;
  CutFrame cut{};
  std::string unsent{};
};

class EchoServer {
 public:
  // False when the system refuses; errno says why.
  bool listen(const SocketAddress& address) {
    const int socket = address.make_socket(SOCK_NONBLOCK);
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    listeners_.push_back(std::make_unique<Connection>(Connection{socket, true}));
    return address.valid && bind(socket, address.get(), address.size) == 0 &&
           ::listen(socket, 4096) == 0 && watch(EPOLL_CTL_ADD, *listeners_.back(), EPOLLIN);
  }

  void run() {
    std::array<epoll_event, 512> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* connection = static_cast<Connection*>(event.data.ptr);
        if (connection->listener) {
          accept_all(connection->socket);
        } else if (!handle(*connection, event.events)) {
          close(connection->socket);
          delete connection;
        }
      }
    }
  }

 private:
  bool watch(int operation, Connection& connection, std::uint32_t wanted) {
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = &connection;
    return epoll_ctl(epoll_, operation, connection.socket, &event) == 0;
  }

  void accept_all(int listener) {
    while (true) {
      const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      send_at_once(socket);
      watch(EPOLL_CTL_ADD, *new Connection{socket}, kEvents);
    }
  }

  // False: the connection is over.
  bool handle(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !connection.unsent.empty()) {
      if (!Outbox::resume(connection.socket, connection.unsent)) return false;
      if (connection.unsent.empty()) watch(EPOLL_CTL_MOD, connection, kEvents);
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return true;
    return read_frames(
        connection.socket, connection.cut, input_.get(), kReadBytes,
        [this](std::string_view bytes) { return answer(bytes); },
        [this, &connection] { return flush(connection); });
  }

  std::size_t answer(std::string_view bytes) {
    std::size_t at = 0;
    while (true) {
      const RawFrame frame = parse_raw_frame(bytes.data() + at, bytes.size() - at);
      if (frame.bad) return kBadFrames;
      if (frame.size == 0) return at;
      at += frame.size;
      if (frame.kind != kCall) continue;
      head_.back() = static_cast<char>(frame.codec);
      output_.append(frame.seq, head_, frame.body);
    }
  }

  bool flush(Connection& connection) {
    const bool blocked = !connection.unsent.empty();
    if (!output_.flush(connection.socket, connection.unsent)) return false;
    if (blocked || connection.unsent.empty()) return true;
    return watch(EPOLL_CTL_MOD, connection, kEvents | EPOLLOUT);
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> listeners_;
  std::unique_ptr<char[]> input_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  Outbox output_;
  std::string head_ = raw_frame_head(kReply, "", 0);
};

}  // namespace

int main(int argc, char** argv) {
  const long port = argc >= 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  const bool local = argc == 4 && std::string_view(argv[2]) == "--unix";
  if (port < 1 || port > 65535 || (argc != 2 && !local)) {
    std::fprintf(stderr, "usage: %s PORT [--unix PATH]\n", argv[0]);
    return 2;
  }
  EchoServer server;
  if (!server.listen(SocketAddress("127.0.0.1", static_cast<std::uint16_t>(port))) ||
      (local && !server.listen(SocketAddress(argv[3])))) {
    std::perror("cannot listen");
    return 1;
  }
  server.run();
}
