// A listening TCP or Unix socket that spreads its connections over cores.
//
//   one core                    watches the socket and keeps what it accepts
//   several, each an Acceptor   all watch the socket, the system tells one that waits for events,
//                               and it hands each connection to the least loaded core that moves
#pragma once

#include <memory>

#include "fairlead/io/epoll_core.h"

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

 private:
  struct Shared;
  class Acceptor;

  SocketListener(EpollCore& core, std::shared_ptr<Shared> shared);
  Status start();

  EpollCore& core_;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace fairlead::io::internal
