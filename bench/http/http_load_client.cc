// The load client of bench/http: raw sockets and one epoll instance.
//
//   http_load_client --port N --method KIND [the options of bench/options.h]
//
// KIND: get, post, json, socket, tcp (requests.h). Every connection stays open and has one request
// out. --idle: one request on each connection, then the server's memory; with --spare only the last
// connection asks, which says that the server has accepted all before it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measure.h"
#include "options.h"
#include "requests.h"

namespace {

using namespace fairlead::bench;

constexpr std::size_t kReadBytes = 64 * 1024;

struct Connection {
  int socket = -1;
  bool upgrading = false;
  std::string have{};  // of an answer that came in pieces
  std::uint64_t began_ns = 0;
};

class LoadClient {
 public:
  LoadClient(Options options, RequestKind kind, bool spare)
      : run_(options), kind_(std::move(kind)), spare_(spare) {
    connections_.resize(static_cast<std::size_t>(options.sessions));
  }

  [[noreturn]] void run() {
    for (Connection& connection : connections_) open(connection);
    run_.begin();
    for (Connection& connection : connections_) {
      const bool last = &connection == &connections_.back();
      if (spare_ && !last) {
        run_.completed(0, 0);
        continue;
      }
      if (kind_.upgrade.empty()) {
        ask(connection);
      } else {
        connection.upgrading = true;
        send_all(connection, kind_.upgrade);
      }
    }
    std::array<epoll_event, 512> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
      }
    }
  }

 private:
  void open(Connection& connection) {
    connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(run_.options().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    if (connect(connection.socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0 ||
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) {
      give_up("cannot connect");
    }
  }

  void ask(Connection& connection) {
    if (!run_.may_start()) return;
    connection.began_ns = now_ns();
    send_all(connection, kind_.request);
  }

  // Requests are far smaller than what a socket takes at once.
  static void send_all(const Connection& connection, std::string_view bytes) {
    if (send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      give_up("a request was not taken whole");
    }
  }

  void read(Connection& connection) {
    const ssize_t count = recv(connection.socket, input_.get(), kReadBytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) give_up("the server has closed a connection");
    std::string_view bytes(input_.get(), static_cast<std::size_t>(count));
    if (!connection.have.empty()) {
      connection.have.append(bytes);
      bytes = connection.have;
    }
    const std::optional<std::size_t> whole = size_of_answer(connection, bytes);
    if (!whole.has_value() || *whole > bytes.size()) give_up("not the answer that was expected");
    if (*whole == 0) {
      if (connection.have.empty()) connection.have = bytes;
      return;
    }
    if (*whole < bytes.size()) give_up("more than one answer");
    connection.have.clear();
    if (connection.upgrading) {
      connection.upgrading = false;
    } else {
      run_.completed(connection.began_ns, now_ns());
    }
    ask(connection);
  }

  std::optional<std::size_t> size_of_answer(const Connection& connection,
                                            std::string_view bytes) const {
    if (kind_.reply_bytes == 0 || connection.upgrading) return answer_bytes(bytes);
    return bytes.size() < kind_.reply_bytes ? 0 : kind_.reply_bytes;
  }

  Measurement run_;
  const RequestKind kind_;
  const bool spare_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  std::unique_ptr<char[]> input_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
};

}  // namespace

int main(int argc, char** argv) {
  // --spare is this client's own and comes first.
  const bool spare = argc > 1 && std::string_view(argv[1]) == "--spare";
  if (spare) argv[1] = argv[0];
  const Options options = parse_options(argc - (spare ? 1 : 0), argv + (spare ? 1 : 0));
  std::optional<RequestKind> kind = request_kind(options.method, options.payload_bytes);
  if (!kind.has_value()) give_up("--method is one of get, post, json, socket, tcp");
  if (options.depth != 1) give_up("--depth: one request is out on each connection");
  LoadClient(options, std::move(*kind), spare).run();
}
