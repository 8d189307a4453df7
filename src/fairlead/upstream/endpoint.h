// Endpoint: one living copy of a service, as its callers know it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/address.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::upstream {

struct Endpoint {
  std::string id{};  // unique among the copies of the service
  io::Address address{};
  // What it speaks there; null: nobody said.
  const wire::Protocol* protocol = nullptr;
  bool tls = false;  // speaks TLS, below the protocol
  // TLS: what its certificate must be for, a name or an IP address; also the Host of a WebSocket
  std::string server_name{};
  std::string websocket{};  // over WebSocket: path and query, "/" at least; empty: frames alone
};

// True when a session to `a` is as good as one to `b`: they differ in nothing that a dial uses.
bool same_way(const Endpoint& a, const Endpoint& b);

// The copies at one moment; a new set replaces the old one as a whole.
using EndpointSet = std::vector<Endpoint>;
using EndpointSnapshot = std::shared_ptr<const EndpointSet>;

// One endpoint from a text: a form of io::Address; with TLS
//   "tls://127.0.0.1:9443"  "tls://localhost:9443"  "tls://[::1]:9443"
//   "tls+tcp6://[::1]:9443"  "tls+tcp4://..."  "tls+unix:///run/math.sock"
// or, to dial, over WebSocket, without TLS and with it
//   "ws://127.0.0.1:9090"  "ws://127.0.0.1:9090/rpc?zone=1"  "wss://localhost:9443"
// The certificate must be for the host as it is written; behind a Unix socket for "localhost".
// The id is the text in its canonical form. Errors: kBadMessage `address.bad`.
Result<Endpoint> parse_endpoint(std::string_view text);

// "127.0.0.1:9090", "tls://127.0.0.1:9443", "tls+unix:/run/math.sock".
std::string to_text(const io::Address& address, bool tls);
// Where it is, for people: the same, and "ws://127.0.0.1:9090/rpc" without the query, which may
// hold a secret.
std::string to_text(const Endpoint& endpoint);

// Whether every endpoint of the set can be spoken to in `protocol` (null: raw), where it does not
// say its own. Errors: kInvalidOperation `dial.no_sub_protocol`.
Status check_protocol(const EndpointSet& endpoints, const wire::Protocol* protocol);

// What a certificate behind `address` must be for when nobody says more.
std::string server_name_of(const io::Address& address);

// "127.0.0.1:9090,tls://127.0.0.1:9443" as a set, for callers without a registry. A comma in the
// path of a WebSocket is written %2C.
// Errors: kBadMessage `address.bad`.
Result<EndpointSnapshot> parse_endpoints(std::string_view text);

// Names of services: 1 to 100 of a-z 0-9 _ - and dots, beginning with a letter.
// Errors: kBadMessage `service.bad_name`.
Status check_service_name(std::string_view name);

}  // namespace fairlead::upstream
