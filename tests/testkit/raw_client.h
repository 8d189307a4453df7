// A socket whose bytes the test chooses, beside a turning core.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"

namespace fairlead::testkit {

template <class Condition>
bool turn_until(io::Core& core, Condition condition) {
  const Time end = steady_now() + std::chrono::seconds(10);
  // The other ends of the sockets are not on the core, so most turns must not wait.
  for (int turns = 0; !condition() && steady_now() < end; ++turns) {
    core.turn(turns < 100 ? Deadline(core.now())
                          : core.deadline_after(std::chrono::milliseconds(1)));
  }
  return condition();
}

// A client that sends exactly the bytes it is told and records all that comes back.
class RawClient {
 public:
  RawClient(io::Core& core, const io::Address& address)
      : core_(core), socket_(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;  // each send() is a segment of its own, at once
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    EXPECT_EQ(::connect(socket_, address.get(), address.length()), 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { close(); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count =
          ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EAGAIN) {
        return;  // the server has closed; what it said is what the test looks at
      }
      turn();
    }
  }
  void shut_down() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void turn() {
    for (int turns = 0; turns < 3; ++turns) core_.turn(Deadline(core_.now()));
    receive();
  }
  // Everything that came until `count` times `mark` is in it, or until the server closes.
  const std::string& wait_for(std::string_view mark, std::size_t count = 1) {
    EXPECT_TRUE(turn_until(core_,
                           [&] {
                             receive();
                             return closed_ || occurrences(mark) >= count;
                           }))
        << "waiting for " << mark << " in: " << received_;
    return received_;
  }
  const std::string& wait_for_close() {
    EXPECT_TRUE(turn_until(core_, [&] {
      receive();
      return closed_;
    })) << received_;
    return received_;
  }
  std::size_t occurrences(std::string_view mark) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = received_.find(mark, at)) != std::string::npos; ++at) ++found;
    return found;
  }
  const std::string& received() const { return received_; }
  bool closed() const { return closed_; }
  bool reset() const { return reset_; }  // not closed in order
  int socket() const { return socket_; }

 private:
  void receive() {
    char block[16384];
    while (!closed_) {
      const ssize_t count = ::recv(socket_, block, sizeof(block), MSG_DONTWAIT);
      if (count > 0) {
        received_.append(block, static_cast<std::size_t>(count));
      } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        closed_ = true;
        reset_ = count != 0;
      } else {
        return;
      }
    }
  }

  io::Core& core_;
  int socket_;
  bool closed_ = false;
  bool reset_ = false;
  std::string received_;
};

}  // namespace fairlead::testkit
