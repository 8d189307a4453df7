// The ceiling's load client: --conns connections with at most --depth calls outstanding on each,
// over the raw protocol, in a closed loop or, with --rate, in an open one. Options: ../options.h.
// Checks seq, status, codec and length of each reply; replies may come in any order.
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "measure.h"
#include "raw_socket.h"
#include "schedule.h"

namespace {

using namespace fairlead::bench;

constexpr std::size_t kReadBytes = 512 * 1024;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// Call `seq` lies in slot seq % depth; the slot's next one has seq + depth.
struct Call {
  std::uint32_t seq = 0;
  bool out = false;
  std::uint64_t began_ns = 0;
};

struct DueCall {
  std::uint32_t slot;
  std::uint64_t began_ns;
};

struct Connection {
  int socket = -1;
  std::vector<Call> calls{};
  CutFrame cut{};
  std::string unsent{};
  bool blocked = false;
  std::vector<DueCall> due{};  // in an open loop: what this turn starts
};

class Load {
 public:
  explicit Load(Measurement& run)
      : run_(run),
        options_(run.options()),
        body_(make_body(options_)),
        head_(raw_frame_head(kCall, options_.method, options_.codec)) {}

  void connect_all() {
    const SocketAddress address = options_.unix_path.empty()
                                      ? SocketAddress(options_.host, options_.port)
                                      : SocketAddress(options_.unix_path);
    connections_.resize(static_cast<std::size_t>(options_.sessions));
    for (Connection& connection : connections_) connect(connection, address);
  }

  [[noreturn]] void generate() {
    const auto depth = static_cast<std::uint32_t>(options_.idle ? 1 : options_.depth);
    for (Connection& connection : connections_) connection.calls.resize(depth);
    for (std::uint32_t i = 0; i < depth; ++i) {
      for (Connection& connection : connections_) connection.calls[i].seq = i;
    }
    run_.begin();
    if (options_.rate > 0) generate_open();
    const std::uint64_t now = now_ns();
    for (Connection& connection : connections_) {
      for (Call& call : connection.calls) start(connection, call, now);
      flush(connection);
    }
    while (true) turn(options_.spin ? 0 : -1);
  }

 private:
  struct IdleCall {
    Connection* connection;
    std::uint32_t slot;
  };

  // Never sleeps, but leaves the CPU to a server that shares it.
  [[noreturn]] void generate_open() {
    for (std::uint32_t i = 0; i < connections_.front().calls.size(); ++i) {
      for (Connection& connection : connections_) idle_.push_back({&connection, i});
    }
    Schedule schedule(options_.rate, options_.seed, now_ns());
    std::vector<Connection*> touched;
    while (true) {
      turn(0);
      const std::uint64_t now = now_ns();
      if (!schedule.due(now)) sched_yield();
      while (schedule.due(now) && !idle_.empty()) {
        const IdleCall next = idle_.front();
        idle_.pop_front();
        if (next.connection->due.empty()) touched.push_back(next.connection);
        next.connection->due.push_back({next.slot, schedule.take()});
      }
      for (Connection* connection : touched) start_due(*connection);
      touched.clear();
    }
  }

  // What became due together leaves in one send.
  void start_due(Connection& connection) {
    for (const DueCall& due : connection.due) {
      start(connection, connection.calls[due.slot], due.began_ns);
    }
    connection.due.clear();
    flush(connection);
  }

  void turn(int wait_ms) {
    const int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), wait_ms);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<std::size_t>(i)];
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0 && connection.blocked) {
        if (!Outbox::resume(connection.socket, connection.unsent)) give_up("cannot send");
        watch_output(connection);
      }
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(connection);
    }
  }

  void connect(Connection& connection, const SocketAddress& address) {
    connection.socket = address.make_socket(0);
    if (!address.valid || ::connect(connection.socket, address.get(), address.size) != 0) {
      give_up(std::string("cannot connect: ") + std::strerror(errno));
    }
    send_at_once(connection.socket);
    fcntl(connection.socket, F_SETFL, O_NONBLOCK);
    watch(EPOLL_CTL_ADD, connection, kEvents);
  }

  void watch(int operation, Connection& connection, std::uint32_t wanted) {
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, operation, connection.socket, &event);
  }

  void watch_output(Connection& connection) {
    if (connection.blocked == !connection.unsent.empty()) return;
    connection.blocked = !connection.blocked;
    watch(EPOLL_CTL_MOD, connection, connection.blocked ? kEvents | EPOLLOUT : kEvents);
  }

  void start(Connection& connection, Call& call, std::uint64_t began_ns) {
    if (!run_.may_start()) return;
    const auto depth = static_cast<std::uint32_t>(connection.calls.size());
    // Below 2^31 after 2^31 calls on one connection too; 0 is no seq of ours.
    call.seq = call.seq + depth < 0x7fffffff ? call.seq + depth : depth + call.seq % depth;
    call.out = true;
    call.began_ns = began_ns;
    output_.append(SeqText(call.seq).view(), head_, body_);
  }

  void flush(Connection& connection) {
    if (!output_.flush(connection.socket, connection.unsent)) give_up("cannot send");
    watch_output(connection);
  }

  void read(Connection& connection) {
    const bool open = read_frames(
        connection.socket, connection.cut, input_.get(), kReadBytes,
        [this, &connection](std::string_view bytes) { return handle(connection, bytes); },
        [this, &connection] {
          flush(connection);
          return true;
        });
    if (!open) give_up("the server closed a connection, or sent a malformed frame");
  }

  // How many of the bytes were whole frames.
  std::size_t handle(Connection& connection, std::string_view bytes) {
    const std::uint64_t now = now_ns();
    std::size_t at = 0;
    while (true) {
      const RawFrame frame = parse_raw_frame(bytes.data() + at, bytes.size() - at);
      if (frame.bad) return kBadFrames;
      if (frame.size == 0) return at;
      at += frame.size;
      const std::uint32_t seq = parse_seq(frame.seq);
      const auto slot = static_cast<std::uint32_t>(seq % connection.calls.size());
      Call& call = connection.calls[slot];
      if (frame.kind != kReply || !call.out || call.seq != seq) {
        give_up("not a reply to a call that is out");
      }
      call.out = false;
      if (frame.status != "code=0") {
        run_.failed(frame.status);
      } else if (frame.body.size() != body_.size() ||
                 frame.codec != static_cast<std::uint8_t>(options_.codec)) {
        run_.failed("the reply's body is not the request's");
      } else {
        run_.completed(call.began_ns, now);
      }
      if (options_.rate > 0) {
        idle_.push_back({&connection, slot});
      } else {
        start(connection, call, now);
      }
    }
  }

  Measurement& run_;
  const Options& options_;
  const std::string body_;
  const std::string head_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::unique_ptr<char[]> input_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  std::array<epoll_event, 512> events_{};
  std::vector<Connection> connections_;
  std::deque<IdleCall> idle_;  // of an open loop
  Outbox output_;
};

}  // namespace

int main(int argc, char** argv) {
  Measurement run(
      parse_options(argc, argv, {.open_loop = true, .profiles = true, .unix_sockets = true}));
  Load load(run);
  load.connect_all();
  load.generate();
}
