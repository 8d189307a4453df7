// A listening TCP or Unix socket that spreads its connections over cores.
//
//   one core                    watches the socket and keeps what it accepts
//   several, each an Acceptor   all watch the socket, the system tells one that waits for events,
//                               and it hands each connection to the least loaded core that moves
//
// Another process may listen on the same socket, before or after this one (listening_sockets.h).
#pragma once

#include <memory>

#include "fairlead/io/connection_limits.h"
#include "fairlead/io/epoll_core.h"
#include "fairlead/io/listening_sockets.h"

namespace fairlead::io::internal {

class SocketListener final : public Listener {
 public:
  // Errors: those of Core::listen().
  static Result<std::unique_ptr<Listener>> open(EpollCore& core, const Address& address,
                                                ListenOptions options, AcceptHandler handler);
  // From here on nobody can connect, and no call of the handler begins. What another core was
  // handed before that is closed.
  ~SocketListener() override;

  const Address& local() const override;
  void stop() override;

  // For ListeningSockets.
  ListeningSockets::Socket socket() const;
  void own();
  void leave();

 private:
  struct Shared;
  class Acceptor;

  SocketListener(EpollCore& core, std::string asked, std::shared_ptr<Shared> shared);
  static Result<Descriptor> open_socket(const Address& address);
  bool stays() const;  // socket and file do, when this ends
  Status start();

  EpollCore& core_;
  const std::string asked_;  // ListeningSockets::Socket::address
  const std::shared_ptr<Shared> shared_;
};

}  // namespace fairlead::io::internal
