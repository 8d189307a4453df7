#include "until_eof.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include <fairlead/base/check.h>

namespace teleport_peer {

UntilEof::UntilEof() : wake_(eventfd(0, EFD_CLOEXEC)) {
  FL_CHECK(wake_ >= 0);
  thread_ = std::thread([this] { watch(); });
}

UntilEof::~UntilEof() {
  eventfd_write(wake_, 1);
  thread_.join();
  close(wake_);
}

void UntilEof::watch() const {
  std::array<char, 4096> nobody_reads_it{};
  std::array<pollfd, 2> wait{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                             pollfd{.fd = wake_, .events = POLLIN, .revents = 0}};
  while (poll(wait.data(), wait.size(), -1) >= 0) {
    if (wait[1].revents != 0) return;
    if (wait[0].revents == 0) continue;
    if (read(STDIN_FILENO, nobody_reads_it.data(), nobody_reads_it.size()) <= 0) {
      kill(getpid(), SIGTERM);
      return;
    }
  }
}

}  // namespace teleport_peer
