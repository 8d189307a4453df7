// The ceiling's load client: --conns connections with --depth calls outstanding on each, in a
// closed loop, over the raw protocol. Options: ../measure.h. Checks seq, status, codec and length
// of each reply; replies may come in any order.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "measure.h"
#include "raw_frame.h"

namespace {

using namespace fairlead::bench;

constexpr std::size_t kReadBytes = 512 * 1024;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// A call that is out. Call `seq` lies in slot seq % depth; the slot's next one has seq + depth.
struct Call {
  std::uint32_t seq = 0;
  std::uint64_t began_ns = 0;
};

struct Connection {
  int socket = -1;
  std::vector<Call> calls{};
  std::string rest{};    // of a frame that was cut
  std::string output{};  // not sent yet
  bool blocked = false;
};

class Load {
 public:
  explicit Load(Measurement& run)
      : run_(run),
        body_(make_body(run.options())),
        head_(raw_frame_head(kCall, run.options().method, run.options().codec)) {}

  void connect_all() {
    connections_.resize(static_cast<std::size_t>(run_.options().sessions));
    for (Connection& connection : connections_) connect(connection);
  }

  [[noreturn]] void generate() {
    run_.begin();
    const std::uint64_t now = now_ns();
    const int depth = run_.options().idle ? 1 : run_.options().depth;
    for (Connection& connection : connections_) {
      connection.calls.resize(static_cast<std::size_t>(depth));
      std::uint32_t seq = static_cast<std::uint32_t>(depth);  // 0 is no seq of ours
      for (Call& call : connection.calls) start(connection, call, seq++, now);
      flush(connection);
    }
    std::array<epoll_event, 512> events;
    const int wait_ms = run_.options().spin ? 0 : -1;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto& connection = *static_cast<Connection*>(event.data.ptr);
        if ((event.events & EPOLLOUT) != 0) flush(connection);
        if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(connection);
      }
    }
  }

 private:
  void connect(Connection& connection) {
    connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(run_.options().port);
    if (inet_pton(AF_INET, run_.options().host.c_str(), &address.sin_addr) != 1 ||
        ::connect(connection.socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      give_up("cannot connect to " + run_.options().host + ": " + std::strerror(errno));
    }
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(connection.socket, F_SETFL, O_NONBLOCK);
    watch(EPOLL_CTL_ADD, connection, kEvents);
  }

  void watch(int operation, Connection& connection, std::uint32_t wanted) {
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, operation, connection.socket, &event);
  }

  void start(Connection& connection, Call& call, std::uint32_t seq, std::uint64_t now) {
    call.seq = 0;
    if (!run_.may_start()) return;
    call = {seq, now};
    append_raw_frame(connection.output, SeqText(seq).view(), head_, body_);
  }

  void flush(Connection& connection) {
    std::string& output = connection.output;
    if (output.empty()) return;
    const ssize_t count = send(connection.socket, output.data(), output.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) give_up(std::string("send: ") + std::strerror(errno));
    if (count > 0 && static_cast<std::size_t>(count) == output.size()) {
      output.clear();
    } else if (count > 0) {
      output.erase(0, static_cast<std::size_t>(count));
    }
    if (output.empty() == connection.blocked) {
      connection.blocked = !output.empty();
      watch(EPOLL_CTL_MOD, connection, connection.blocked ? kEvents | EPOLLOUT : kEvents);
    }
  }

  void read(Connection& connection) {
    while (true) {
      const std::size_t before = connection.rest.size();
      if (before > 0) std::memcpy(input_.get(), connection.rest.data(), before);
      const ssize_t count = recv(connection.socket, input_.get() + before, kReadBytes - before, 0);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count <= 0) give_up("the server closed a connection");
      const std::size_t bytes = before + static_cast<std::size_t>(count);
      const std::size_t used = handle(connection, bytes);
      connection.rest.assign(input_.get() + used, bytes - used);
      if (!connection.blocked) flush(connection);
      if (bytes < kReadBytes) return;
    }
  }

  // How many of the bytes were whole frames.
  std::size_t handle(Connection& connection, std::size_t bytes) {
    const std::uint64_t now = now_ns();
    const auto depth = static_cast<std::uint32_t>(connection.calls.size());
    std::size_t at = 0;
    while (true) {
      const RawFrame frame = parse_raw_frame(input_.get() + at, bytes - at);
      if (frame.bad) give_up("a malformed frame");
      if (frame.size == 0) return at;
      at += frame.size;
      const std::uint32_t seq = parse_seq(frame.seq);
      Call& call = connection.calls[seq % depth];
      if (frame.kind != kReply || seq == 0 || call.seq != seq) {
        give_up("not a reply to a call that is out");
      }
      if (frame.status != "code=0") {
        run_.failed(frame.status);
      } else if (frame.body.size() != body_.size() ||
                 frame.codec != static_cast<std::uint8_t>(run_.options().codec)) {
        run_.failed("the reply's body is not the request's");
      } else {
        run_.completed(call.began_ns, now);
      }
      // Below 2^31 after 2^31 calls on one connection too.
      start(connection, call, seq + depth < 0x7fffffff ? seq + depth : depth + seq % depth, now);
    }
  }

  Measurement& run_;
  const std::string body_;
  const std::string head_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::unique_ptr<char[]> input_ = std::make_unique<char[]>(kReadBytes);
  std::vector<Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  Measurement run(parse_options(argc, argv));
  Load load(run);
  load.connect_all();
  load.generate();
}
