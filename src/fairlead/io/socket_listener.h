// A listening TCP or Unix socket that spreads its connections over cores.
#pragma once

#include <memory>
#include <string>

#include "fairlead/io/epoll_core.h"

namespace fairlead::io::internal {

class SocketListener final : public Listener, private Watcher, private Timer {
 public:
  // Errors: those of Core::listen().
  static Result<std::unique_ptr<Listener>> open(EpollCore& core, const Address& address,
                                                ListenOptions options, AcceptHandler handler);
  ~SocketListener() override;

  const Address& local() const override { return local_; }

 private:
  SocketListener(EpollCore& core, Descriptor socket, Address local, ListenOptions options,
                 AcceptHandler handler);

  void on_events(std::uint32_t events) override;
  void on_timer() override { on_events(0); }
  void hand_over(Descriptor socket);
  void back_off();

  EpollCore& core_;
  Descriptor socket_;
  const Address local_;
  const ListenOptions options_;
  // Shared with connections on their way to another core.
  const std::shared_ptr<const AcceptHandler> handler_;
  Duration pause_{};  // after the system had no descriptor for us
};

}  // namespace fairlead::io::internal
