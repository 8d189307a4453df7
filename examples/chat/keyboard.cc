#include "keyboard.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include <fairlead/base/check.h>

Keyboard::Keyboard() : closed_(::eventfd(0, EFD_CLOEXEC)) { FL_CHECK(closed_ >= 0); }

Keyboard::~Keyboard() { ::close(closed_); }

void Keyboard::close() {
  const std::uint64_t one = 1;
  FL_CHECK(::write(closed_, &one, sizeof one) == sizeof one);
}

// False after close().
bool Keyboard::wait_for_input() const {
  std::array<pollfd, 2> both = {{{STDIN_FILENO, POLLIN, 0}, {closed_, POLLIN, 0}}};
  while (::poll(both.data(), both.size(), -1) < 0) FL_CHECK(errno == EINTR);
  return both[1].revents == 0;
}

std::string Keyboard::take(std::size_t bytes) {
  std::string line = typed_.substr(0, bytes);
  typed_.erase(0, bytes);
  return line;
}

std::optional<std::string> Keyboard::next_line() {
  std::array<char, kLineBytesMax> chunk{};
  while (true) {
    const std::size_t end = typed_.find('\n');
    if (end != std::string::npos) {
      std::string line = take(end + 1);
      line.pop_back();
      return line;
    }
    if (typed_.size() >= kLineBytesMax || (ended_ && !typed_.empty())) return take(kLineBytesMax);
    if (ended_ || !wait_for_input()) return std::nullopt;
    const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got > 0) typed_.append(chunk.data(), static_cast<std::size_t>(got));
    ended_ = got == 0 || (got < 0 && errno != EINTR);
  }
}
