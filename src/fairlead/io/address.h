// Addresses of stream sockets: TCP over IPv4 and IPv6, and Unix sockets.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"

namespace fairlead::io {

// Value type. Text forms:
//   "tcp://127.0.0.1:9090"  "127.0.0.1:9090"  "[::1]:9090"  "localhost:9090" (127.0.0.1)
//   ":9090" (every IPv4 interface)   "unix:///run/math.sock"  "unix:math.sock"
//   "tcp4://127.0.0.1:9090"          IPv4 and nothing else
//   "tcp6://[::1]:9090"  "tcp6://localhost:9090" (::1)  "tcp6://:9090" (every IPv6 interface)
// Port 0 asks the system for a free one. Other host names need DNS and are refused. Who listens on
// "tcp6://:9090" gets IPv6 only and leaves the port free for IPv4; "[::]:9090" takes both.
class Address {
 public:
  Address() = default;
  // Errors: kBadMessage `address.bad` naming the part that is wrong.
  static Result<Address> parse(std::string_view text);
  static Address loopback(std::uint16_t port);
  static Address from_socket(const sockaddr_storage& storage, socklen_t length);

  bool is_unix() const { return family() == AF_UNIX; }
  bool only_ipv6() const { return only_ipv6_; }  // written as tcp6://; for who listens
  bool is_loopback() const;                      // Unix sockets count as loopback
  std::uint16_t port() const;                    // 0 for Unix sockets
  std::string host() const;                      // "127.0.0.1"; "unix" for Unix sockets
  std::string unix_path() const;                 // empty for TCP and for unnamed sockets
  std::string to_text() const;  // "127.0.0.1:9090", "[::1]:9090", "unix:/run/math.sock"
  Address with_port(std::uint16_t port) const;

  int family() const { return inet_.any.sa_family; }
  const sockaddr* get() const {
    return path_ == nullptr ? &inet_.any : reinterpret_cast<const sockaddr*>(&path_->address);
  }
  socklen_t length() const;

 private:
  // Every session keeps one: what only a Unix socket with a name needs lies elsewhere.
  union Inet {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  struct UnixPath {
    sockaddr_un address;
    socklen_t length;
  };

  Inet inet_{};  // of a Unix socket: the family
  bool only_ipv6_ = false;
  std::shared_ptr<const UnixPath> path_;  // null for TCP and for unnamed sockets
};

}  // namespace fairlead::io
