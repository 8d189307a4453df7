#include "fairlead/io/socket_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fairlead/io/socket_stream.h"

namespace fairlead::io::internal {
namespace {

using namespace std::chrono_literals;

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

Result<std::unique_ptr<Listener>> SocketListener::open(EpollCore& core, const Address& address,
                                                       ListenOptions options,
                                                       AcceptHandler handler) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return listen_error(address, errno);
  if (address.is_unix()) {
    if (is_stale(address)) unlink(address.unix_path().c_str());
  } else {
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    set_tcp_options(socket.get());  // inherited by what it accepts
  }
  if (bind(socket.get(), address.get(), address.length()) != 0 ||
      ::listen(socket.get(), options.backlog) != 0) {
    return listen_error(address, errno);
  }
  const Address local = bound_address(socket.get());
  std::unique_ptr<SocketListener> listener(
      new SocketListener(core, std::move(socket), local, std::move(options), std::move(handler)));
  if (!core.add(listener->socket_.get(), EPOLLIN | EPOLLET, *listener)) {
    return listen_error(address, errno);
  }
  return std::unique_ptr<Listener>(std::move(listener));
}

SocketListener::SocketListener(EpollCore& core, Descriptor socket, Address local,
                               ListenOptions options, AcceptHandler handler)
    : core_(core),
      socket_(std::move(socket)),
      local_(local),
      options_(std::move(options)),
      handler_(std::make_shared<const AcceptHandler>(std::move(handler))) {}

SocketListener::~SocketListener() {
  core_.remove(socket_.get());
  if (local_.is_unix()) unlink(local_.unix_path().c_str());
}

void SocketListener::on_events(std::uint32_t) {
  while (true) {
    Descriptor socket(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.valid()) {
      pause_ = Duration::zero();
      hand_over(std::move(socket));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
      return back_off();
    }
  }
}

void SocketListener::back_off() {
  pause_ = std::clamp<Duration>(pause_ * 2, 5ms, 1s);
  core_.timers().arm(*this, core_.now() + pause_);
}

void SocketListener::hand_over(Descriptor socket) {
  Core* target = &core_;
  if (!options_.cores.empty()) {
    target = *std::ranges::min_element(options_.cores, {}, &Core::load);
  }
  if (target == &core_) {
    return (*handler_)(core_, std::make_unique<SocketStream>(core_, std::move(socket)));
  }
  // Counted before it arrives, so that a burst of connections is spread too.
  auto& core = static_cast<EpollCore&>(*target);
  core.add_load(1);
  auto moving = std::make_shared<Descriptor>(std::move(socket));
  core.post([&core, moving, handler = handler_] {
    core.add_load(-1);
    (*handler)(core, std::make_unique<SocketStream>(core, std::move(*moving)));
  });
}

}  // namespace fairlead::io::internal
