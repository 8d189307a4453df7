// ListeningSockets: the sockets on which a process listens, so that another process can go on with
// them and nobody who connects meanwhile is refused.
//
//   a process before, or the service manager ─► inherit() ─► Core::listen() takes the one of its
//                                                            address instead of opening one
//   the process before ends its part ─► own()
//   Core::listen() ─► all() ─► the process after this one ─► leave()
#pragma once

#include <string>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/io/address.h"

namespace fairlead::io {

namespace internal {
class SocketListener;
}

// Thread: the core that listens, or none runs yet. Lifetime: outlives the listeners of the cores
// that it was given to (CoreOptions::sockets).
class ListeningSockets {
 public:
  struct Socket {
    // As listen() was told, so that port 0 finds its number again: "127.0.0.1:0", "tcp6://[::]:80",
    // "unix:/run/math.sock".
    std::string address{};
    int descriptor = -1;
    // The service manager keeps it: it goes on listening after us, and its file stays.
    bool lent = false;
    // The process before this one listens on it, and goes on if this one fails: until own().
    bool borrowed = false;
  };

  ListeningSockets() = default;
  ListeningSockets(const ListeningSockets&) = delete;
  ListeningSockets& operator=(const ListeningSockets&) = delete;
  ~ListeningSockets();

  // Takes the descriptor over, in whatever state. Without `address` it is the one where it listens.
  // Errors: kInvalidOperation `listen.bad_socket`: it is no stream socket that listens.
  Status inherit(Socket socket);
  // What was borrowed is this process's alone from here on. Before that neither sockets nor files
  // end with their listeners.
  void own();
  // Closes what no listen() has taken, and gives the addresses.
  std::vector<std::string> drop_rest();

  // Of the listeners that live, in the order in which they were opened. Descriptors stay theirs.
  std::vector<Socket> all() const;
  // Another process accepts from all of them now, and has begun to. The listeners stop: each core
  // takes what it may have been woken for and gives it to its handler, the last one in its next
  // turn. Until then they must live. Afterwards neither sockets nor files end with them.
  void leave();

 private:
  friend internal::SocketListener;

  // An inherited socket for who listens at `address`; descriptor -1: there is none.
  Socket take(const Address& address);
  static std::string key_of(const Address& address);

  struct Inherited {
    Socket socket;
    std::string bound;  // where it listens
  };
  std::vector<Inherited> inherited_;
  std::vector<internal::SocketListener*> listeners_;
};

}  // namespace fairlead::io
