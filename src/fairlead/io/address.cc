#include "fairlead/io/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

#include "fairlead/base/text.h"

namespace fairlead::io {
namespace {

Status bad(std::string_view text, std::string_view why) {
  return Status(Code::kBadMessage, "address.bad",
                "'" + escape_text(text) + "' is no address: " + std::string(why));
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  sockaddr_storage storage{};
  auto& unix_address = reinterpret_cast<sockaddr_un&>(storage);
  if (path.empty()) return bad(text, "a Unix socket needs a path, as in unix:/run/math.sock");
  if (path.size() >= sizeof(unix_address.sun_path)) {
    return bad(text, "the path of a Unix socket has at most 107 bytes");
  }
  if (path.find('\0') != std::string_view::npos) return bad(text, "a path holds no zero byte");
  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, path.data(), path.size());
  return Address::from_socket(
      storage, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
}

// Which addresses a scheme allows.
enum class Network : std::uint8_t { kTcp, kTcp4, kTcp6 };

// The scheme of `text`, taken off it; nullopt for one that we do not know.
std::optional<Network> take_network(std::string_view& text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) return Network::kTcp;
  const std::string_view scheme = text.substr(0, end);
  text.remove_prefix(end + 3);
  if (scheme == "tcp") return Network::kTcp;
  if (scheme == "tcp4") return Network::kTcp4;
  if (scheme == "tcp6") return Network::kTcp6;
  return std::nullopt;
}

Result<in6_addr> parse_ipv6(std::string_view text, const std::string& host) {
  in6_addr address{};
  if (host.size() < 3 || host.front() != '[' || host.back() != ']') {
    return bad(text, "an IPv6 address needs brackets, as in [::1]:9090");
  }
  if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) != 1) {
    return bad(text, "no IPv6 address stands in the brackets");
  }
  return address;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix://")) return parse_unix(text, text.substr(7));
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));
  std::string_view rest = text;
  const std::optional<Network> network = take_network(rest);
  if (!network.has_value()) {
    return bad(text, "known schemes are tcp:// tcp4:// tcp6:// and unix://");
  }
  const bool only_ipv6 = *network == Network::kTcp6;
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos)
    return bad(text, "the port is missing, as in 127.0.0.1:9090");
  const std::optional<std::uint64_t> port = parse_uint64(rest.substr(colon + 1));
  if (!port.has_value() || *port > 65535) return bad(text, "a port is a number from 0 to 65535");

  std::string host(rest.substr(0, colon));
  if (host.empty() || host == "*") host = only_ipv6 ? "[::]" : "0.0.0.0";
  if (host == "localhost") host = only_ipv6 ? "[::1]" : "127.0.0.1";
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    if (only_ipv6) return bad(text, "tcp6 wants an IPv6 address, as in tcp6://[::1]:9090");
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(*port));
    return from_socket(storage, sizeof(v4));
  }
  if (host.find(':') == std::string::npos) {
    return bad(text, "the host must be a numeric address or localhost");
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  FL_TRY_ASSIGN(v6.sin6_addr, parse_ipv6(text, host));
  if (*network == Network::kTcp4) {
    return bad(text, "tcp4 wants an IPv4 address, as in tcp4://127.0.0.1:9090");
  }
  if (only_ipv6 && IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    return bad(text, "tcp6 wants an IPv6 address, and this stands for one of IPv4");
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<std::uint16_t>(*port));
  Address address = from_socket(storage, sizeof(v6));
  address.only_ipv6_ = only_ipv6;
  return address;
}

Address Address::loopback(std::uint16_t port) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return from_socket(storage, sizeof(v4));
}

Address Address::from_socket(const sockaddr_storage& storage, socklen_t length) {
  Address address;
  if (length < sizeof(sa_family_t)) return address;
  if (storage.ss_family != AF_UNIX) {
    std::memcpy(&address.inet_, &storage, std::min<std::size_t>(length, sizeof(address.inet_)));
    return address;
  }
  address.inet_.any.sa_family = AF_UNIX;
  if (length <= offsetof(sockaddr_un, sun_path)) return address;
  const auto path = std::make_shared<UnixPath>();
  path->length = std::min<socklen_t>(length, sizeof(path->address));
  std::memcpy(&path->address, &storage, path->length);
  address.path_ = path;
  return address;
}

socklen_t Address::length() const {
  if (path_ != nullptr) return path_->length;
  switch (family()) {
    case AF_INET:
      return sizeof(inet_.v4);
    case AF_INET6:
      return sizeof(inet_.v6);
    case AF_UNIX:
      return sizeof(sa_family_t);
    default:
      return 0;
  }
}

bool Address::is_loopback() const {
  if (is_unix()) return true;
  if (family() == AF_INET) {
    return (ntohl(inet_.v4.sin_addr.s_addr) >> 24) == 127;
  }
  return family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&inet_.v6.sin6_addr);
}

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(inet_.v4.sin_port);
  if (family() == AF_INET6) return ntohs(inet_.v6.sin6_port);
  return 0;
}

// An IPv4 address by hand: the C library's way goes through printf, and requests are told their
// peer.
std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    const std::uint32_t number = ntohl(inet_.v4.sin_addr.s_addr);
    char* at = text;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      if (shift != 24) *at++ = '.';
      at = std::to_chars(at, std::end(text), (number >> shift) & 0xFFU).ptr;
    }
    return {text, at};
  }
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &inet_.v6.sin6_addr, text, sizeof(text));
    return text;
  }
  return "unix";
}

std::string Address::unix_path() const {
  if (path_ == nullptr) return {};
  const char* path = path_->address.sun_path;
  return {path, strnlen(path, path_->length - offsetof(sockaddr_un, sun_path))};
}

std::string Address::to_text() const {
  if (is_unix()) return "unix:" + unix_path();
  const std::string host_text = family() == AF_INET6 ? "[" + host() + "]" : host();
  return host_text + ":" + std::to_string(port());
}

Address Address::with_port(std::uint16_t port) const {
  Address changed = *this;
  if (family() == AF_INET) changed.inet_.v4.sin_port = htons(port);
  if (family() == AF_INET6) changed.inet_.v6.sin6_port = htons(port);
  return changed;
}

}  // namespace fairlead::io
