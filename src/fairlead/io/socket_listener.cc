#include "fairlead/io/socket_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include "fairlead/io/socket_stream.h"
#include "fairlead/observe/log.h"

namespace fairlead::io::internal {
namespace {

using namespace std::chrono_literals;

// A core whose turn has lasted longer takes no new connection while another one moves.
constexpr Duration kTurnAcceptMax = 100ms;

Status listen_error(const Address& address, int error) {
  const std::string where = "cannot listen on " + address.to_text() + ": ";
  if (error == EADDRINUSE) {
    return Status(Code::kInvalidOperation, "listen.in_use",
                  where + "another program listens there; stop it or choose another address" +
                      (address.is_unix() ? "" : " (port 0 asks for a free one)"));
  }
  std::string remedy;
  if (error == EACCES) remedy = "; this address needs rights that the program does not have";
  if (error == EADDRNOTAVAIL) remedy = "; this machine has no such address";
  if (error == ENOENT) remedy = "; the folder of the socket does not exist";
  return Status(Code::kInvalidOperation, "listen.failed", where + std::strerror(error) + remedy);
}

// A socket file that nobody listens on was left behind by a process that was killed.
bool is_stale(const Address& address) {
  struct stat info{};
  if (stat(address.unix_path().c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), address.get(), address.length()) != 0 && errno == ECONNREFUSED;
}

Address bound_address(int socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &length);
  return Address::from_socket(storage, length);
}

}  // namespace

// What all acceptors of a listener use. It lives until the last of them and the last connection on
// its way have gone.
struct SocketListener::Shared {
  Descriptor socket;
  Address local;
  std::vector<EpollCore*> cores;
  AcceptHandler handler;
  AcceptHandler refuse;           // may be empty
  ConnectionLimits* limits;       // null: none
  bool lent = false;              // it is the service manager's
  bool borrowed = false;          // it is the process's before this one; of the core that listens
  std::atomic<bool> left{false};  // another process accepts
  std::atomic<bool> closed{false};
  // One for each core: made, used and destroyed on it.
  std::vector<std::unique_ptr<Acceptor>> acceptors;
};

class SocketListener::Acceptor final : public Disposable, private Watcher, private Timer {
 public:
  Acceptor(EpollCore& core, std::shared_ptr<Shared> shared)
      : core_(core), shared_(std::move(shared)) {}
  ~Acceptor() override { stop_watching(); }
  bool start() {
    constexpr std::uint32_t kEvents = EPOLLIN | EPOLLET;
    const int socket = shared_->socket.get();
    watching_ = alone() ? core_.add(socket, kEvents, *this)
                        : core_.add_acceptor(socket, kEvents | EPOLLEXCLUSIVE, *this);
    return watching_;
  }

  // Nothing more is accepted here. Of a new connection the system may have told this core alone, so
  // what is there is taken, after the system can tell it of no more.
  void finish() {
    stop_watching();
    accept_some(kRestMax);
  }

 private:
  // More than that did not come before finish(), or others were told too.
  static constexpr int kRestMax = 4096;

  bool alone() const { return shared_->cores.size() == 1; }
  void stop_watching() {
    if (!std::exchange(watching_, false)) return;
    disarm();
    if (alone())
      core_.remove(shared_->socket.get());
    else
      core_.remove_acceptor(shared_->socket.get());
  }
  void on_events(std::uint32_t events) override;
  void accept_some(int most);
  void on_timer() override { on_events(0); }
  bool accept_one();
  bool wait_for(Duration time);
  bool no_descriptor();
  EpollCore& pick() const;
  void welcome(Descriptor socket, const Address& peer);
  void hand_over(Descriptor socket, ConnectionPass pass, bool refused);

  EpollCore& core_;
  const std::shared_ptr<Shared> shared_;
  Duration pause_{};  // after the system had no descriptor for us
  bool watching_ = false;
};

Result<std::unique_ptr<Listener>> SocketListener::open(EpollCore& core, const Address& address,
                                                       ListenOptions options,
                                                       AcceptHandler handler) {
  ListeningSockets::Socket inherited;
  if (core.sockets() != nullptr) inherited = core.sockets()->take(address);
  Descriptor socket(inherited.descriptor);
  if (!socket.valid()) {
    FL_TRY_ASSIGN(socket, open_socket(address));
  }
  if (::listen(socket.get(), options.backlog) != 0) return listen_error(address, errno);
  auto shared = std::make_shared<Shared>();
  shared->local = bound_address(socket.get());
  shared->socket = std::move(socket);
  shared->lent = inherited.lent;
  shared->borrowed = inherited.borrowed;
  shared->handler = std::move(handler);
  shared->refuse = std::move(options.refuse);
  shared->limits = options.limits;
  for (Core* each : options.cores) shared->cores.push_back(static_cast<EpollCore*>(each));
  if (shared->cores.empty()) shared->cores.push_back(&core);
  std::unique_ptr<SocketListener> listener(
      new SocketListener(core, ListeningSockets::key_of(address), std::move(shared)));
  FL_TRY(listener->start());
  return std::unique_ptr<Listener>(std::move(listener));
}

// Bound, and not listening yet.
Result<Descriptor> SocketListener::open_socket(const Address& address) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return listen_error(address, errno);
  if (address.is_unix()) {
    if (is_stale(address)) unlink(address.unix_path().c_str());
  } else {
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set_tcp_options(socket.get());  // inherited by what it accepts
    // Said in either case: the system's own setting must not decide.
    const int only_ipv6 = address.only_ipv6() ? 1 : 0;
    if (address.family() == AF_INET6) {
      setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof(only_ipv6));
    }
  }
  if (bind(socket.get(), address.get(), address.length()) != 0) return listen_error(address, errno);
  return socket;
}

SocketListener::SocketListener(EpollCore& core, std::string asked, std::shared_ptr<Shared> shared)
    : core_(core), asked_(std::move(asked)), shared_(std::move(shared)) {
  if (core_.sockets() != nullptr) core_.sockets()->listeners_.push_back(this);
}

ListeningSockets::Socket SocketListener::socket() const {
  return {.address = asked_, .descriptor = shared_->socket.get(), .lent = shared_->lent};
}

bool SocketListener::stays() const {
  return shared_->lent || shared_->borrowed || shared_->left.load(std::memory_order_acquire);
}

void SocketListener::own() { shared_->borrowed = false; }

void SocketListener::leave() {
  if (shared_->left.exchange(true, std::memory_order_acq_rel)) return;
  for (std::size_t i = 0; i < shared_->cores.size(); ++i) {
    EpollCore* core = shared_->cores[i];
    if (core == &core_) {
      shared_->acceptors[i]->finish();
    } else {
      core->post([i, shared = shared_] {
        if (shared->acceptors[i] != nullptr) shared->acceptors[i]->finish();
      });
    }
  }
}

void SocketListener::stop() {
  if (stays()) return leave();
  leave();
  ::shutdown(shared_->socket.get(), SHUT_RD);
  if (shared_->local.is_unix()) unlink(shared_->local.unix_path().c_str());
}

Status SocketListener::start() {
  const std::size_t count = shared_->cores.size();
  shared_->acceptors.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    EpollCore* core = shared_->cores[i];
    if (core == &core_) {
      shared_->acceptors[i] = std::make_unique<Acceptor>(*core, shared_);
      if (!shared_->acceptors[i]->start()) return listen_error(shared_->local, errno);
      continue;
    }
    core->post([core, i, shared = shared_] {
      shared->acceptors[i] = std::make_unique<Acceptor>(*core, shared);
      if (shared->acceptors[i]->start()) return;
      FL_LOG(warn, "listen.not_shared", {"address", shared->local.to_text()},
             {"error", std::strerror(errno)});  // the other cores accept
    });
  }
  return {};
}

SocketListener::~SocketListener() {
  if (core_.sockets() != nullptr) std::erase(core_.sockets()->listeners_, this);
  shared_->closed.store(true, std::memory_order_release);
  const Descriptor& socket = shared_->socket;
  // Other cores hold the descriptor until their next turn, which may be far away.
  if (shared_->cores.size() > 1 && !stays()) ::shutdown(socket.get(), SHUT_RD);
  if (shared_->local.is_unix() && !stays()) unlink(shared_->local.unix_path().c_str());
  for (std::size_t i = 0; i < shared_->cores.size(); ++i) {
    EpollCore* core = shared_->cores[i];
    if (core == &core_) {
      shared_->acceptors[i].reset();
    } else {
      core->post([i, shared = shared_] { shared->acceptors[i].reset(); });
    }
  }
}

const Address& SocketListener::local() const { return shared_->local; }

void SocketListener::Acceptor::on_events(std::uint32_t) {
  accept_some(std::numeric_limits<int>::max());
}

void SocketListener::Acceptor::accept_some(int most) {
  for (int i = 0; i < most && !shared_->closed.load(std::memory_order_acquire); ++i) {
    if (!accept_one()) return;
  }
}

// False: no more for now.
bool SocketListener::Acceptor::accept_one() {
  if (shared_->limits != nullptr && watching_) {
    const bool tcp = !shared_->local.is_unix();
    const Duration wait = shared_->limits->wait_before_accept(core_.now(), tcp);
    if (wait > Duration::zero()) return wait_for(std::max<Duration>(wait, 1ms));
  }
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  Descriptor socket(accept4(shared_->socket.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) {
    pause_ = Duration::zero();
    welcome(std::move(socket), Address::from_socket(peer, length));
    return true;
  }
  if (errno == EAGAIN || errno == EINVAL) return false;  // none left; shut down by another core
  if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) return true;
  return no_descriptor();
}

// Looks again after `time`; meanwhile the backlog holds who comes.
bool SocketListener::Acceptor::wait_for(Duration time) {
  core_.timers().arm(*this, core_.now() + time);
  return false;
}

// The system had none for us, or no memory.
bool SocketListener::Acceptor::no_descriptor() {
  const bool ours = errno == EMFILE;  // not the whole system's
  if (ours && shared_->limits != nullptr &&
      shared_->limits->shed(shared_->socket.get(), core_.now())) {
    return true;
  }
  if (!watching_) return false;
  pause_ = std::clamp<Duration>(pause_ * 2, 5ms, 1s);
  return wait_for(pause_);
}

EpollCore& SocketListener::Acceptor::pick() const {
  const auto rank = [this](EpollCore* core) {
    const bool here = core == &core_;
    const bool late = !here && core->activity().busy(core_.now()) > kTurnAcceptMax;
    return std::tuple(late, core->load(), !here);
  };
  return **std::ranges::min_element(shared_->cores, {}, rank);
}

void SocketListener::Acceptor::welcome(Descriptor socket, const Address& peer) {
  if (shared_->limits == nullptr) return hand_over(std::move(socket), {}, false);
  ConnectionLimits::Admitted made = shared_->limits->admit(peer, socket.get(), core_.now());
  using enum ConnectionLimits::Verdict;
  const bool refused = made.verdict != kWelcome;
  if (made.verdict == kFarOver || (refused && shared_->refuse == nullptr)) {
    return socket.reset();  // before its pass ends
  }
  hand_over(std::move(socket), std::move(made.pass), refused);
}

void SocketListener::Acceptor::hand_over(Descriptor socket, ConnectionPass pass, bool refused) {
  const AcceptHandler& handler = refused ? shared_->refuse : shared_->handler;
  const bool last = shared_->left.load(std::memory_order_acquire);
  EpollCore& target = last ? core_ : pick();
  if (&target == &core_) {
    return handler(core_,
                   std::make_unique<SocketStream>(core_, std::move(socket), std::move(pass)));
  }
  // Counted before it arrives, so that a burst of connections is spread too.
  target.add_load(1);
  struct Moving {
    ConnectionPass pass;  // ends after the descriptor
    Descriptor socket;
  };
  auto moving = std::make_shared<Moving>(std::move(pass), std::move(socket));
  target.post([&target, &handler, moving, shared = shared_] {
    target.add_load(-1);
    if (shared->closed.load(std::memory_order_acquire)) return;
    handler(target, std::make_unique<SocketStream>(target, std::move(moving->socket),
                                                   std::move(moving->pass)));
  });
}

}  // namespace fairlead::io::internal
