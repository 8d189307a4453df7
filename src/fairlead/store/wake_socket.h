// Wake-ups between the processes that share a store file: each open store has a Unix datagram
// socket in the folder "<file>.wake", and who writes sends one byte to all the others. A lost byte
// costs only time: everybody also looks from time to time.
#pragma once

#include <string>

namespace fairlead::store::internal {

class WakeSocket {
 public:
  // Where the folder or the socket cannot be made, descriptor() is -1 and polling has to do.
  explicit WakeSocket(const std::string& store_path);
  WakeSocket(const WakeSocket&) = delete;
  WakeSocket& operator=(const WakeSocket&) = delete;
  ~WakeSocket();

  // Readable when somebody else has written. Non-blocking.
  int descriptor() const { return socket_; }
  // Takes what has come.
  void drain() const;
  // Tells the others; never waits. Sockets of processes that are gone are removed.
  void notify() const;

 private:
  // Addresses go through /proc/self/fd, because a socket's path may have 107 bytes only.
  std::string address_of(const std::string& name) const;

  int folder_ = -1;
  int socket_ = -1;
  std::string name_;  // "<pid>.<n>"
};

}  // namespace fairlead::store::internal
