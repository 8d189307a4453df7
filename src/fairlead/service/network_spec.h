// How a program listens and how it calls: networks, wire protocols, TLS. Parts of Spec that the
// code can say too.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/codec/codec.h"
#include "fairlead/config/value.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/rpc/resend_queue.h"
#include "fairlead/rpc/session.h"
#include "fairlead/upstream/endpoint.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::service {

// One place where a program is served. An address alone says it too.
struct ListenSpec {
  ListenSpec() = default;
  template <std::convertible_to<std::string> Text>
  // NOLINTNEXTLINE(google-explicit-constructor): most listeners are an address and nothing else
  ListenSpec(Text text) : address(std::move(text)) {}
  bool operator==(const ListenSpec&) const = default;

  // A form of upstream::parse_endpoint(): "tls://127.0.0.1:9443"; or what is spoken there alone:
  // "http://127.0.0.1:8080", "https://...", "ws://...", "wss://..."
  std::string address{};
  std::string protocol{};  // nothing else is spoken; empty: see `protocols`
  // Told apart by their first bytes; one: nothing is told apart. Names of wire::protocols(),
  // "http", "websocket". Empty: Spec::protocol, http and websocket.
  std::vector<std::string> protocols{};
  // Not said: only TLS where the address says so; else plain, and TLS beside it where there is a
  // certificate and several protocols are spoken over TCP.
  std::optional<bool> tls{};
  bool erpc_http = false;  // HTTP requests with X-Seq and X-Mtype are erpc's
};

// Files and rules of TLS for calls. What is empty or not said is somebody else's to say.
struct ClientTls {
  std::optional<bool> required{};  // TLS also with copies that are not known to speak it
  std::string ca_file{};           // who may have signed their certificates; empty: the system's
  std::string server_name{};       // what they must be for; empty: the host of each address
  std::optional<bool> verify_server{};  // false lets anybody answer
  std::string certificate_file{};       // ours, for servers that ask for one
  std::string key_file{};

  bool empty() const { return *this == ClientTls(); }
  bool operator==(const ClientTls&) const = default;
};

// How a service is called. The code says it and the configuration (`clients`) overrides it.
struct ClientOptions {
  std::string protocol{};  // for addresses; copies in the registry say themselves. Empty: raw
  ClientTls tls{};
  // Codec of bodies when a call names none: "json" for services in Go. Empty: that of the type.
  std::string codec{};
  std::optional<rpc::Login> login{};  // for services that ask for one
  // Connections from each core to each copy, as upstream::ServiceOptions says them.
  std::optional<std::uint32_t> connections_max{};
  std::optional<Duration> connections_idle{};
  // Of messages that say nothing about it; nothing said: at_most_once().
  std::optional<rpc::DeliveryMode> delivery{};
  // Of app.dial(): a connection that was lost is dialled again. Nothing said: it is.
  std::optional<bool> redial{};
};

// `under`, with everything replaced that `over` says.
ClientOptions merged(ClientOptions under, const ClientOptions& over);
// What a client's certificates are made from.
io::TlsOptions tls_options_of(const ClientTls& tls);

// Errors: kBadMessage `protocol.unknown`, with the nearest name.
Result<const wire::Protocol*> find_protocol(std::string_view name);

// What others are told to dial. Errors: kBadMessage `address.bad`.
Result<upstream::Endpoint> parse_advertised(std::string_view text);

// Errors: kBadMessage `codec.unknown`, with the nearest name.
Result<codec::CodecId> find_codec(std::string_view name);

// A listener, checked. Errors: kBadMessage `address.bad`, `protocol.unknown`, `protocol.bad_set`
// (two of one kind, erpc_http without http, a list beside what says it already).
struct ListenPlan {
  upstream::Endpoint where{};              // where.tls: nothing plain
  const wire::Protocol* frames = nullptr;  // raw, json or pb; null: none
  const wire::Protocol* thrift = nullptr;  // null: none
  bool http = false;
  bool websocket = false;
  bool erpc_http = false;
  bool tls_too = false;  // TLS beside plain, where there is a certificate

  // What callers in the registry are told; null: it speaks HTTP alone.
  const wire::Protocol* called_by() const { return frames != nullptr ? frames : thrift; }
  bool has_http() const { return http || websocket; }
  // More than one reading of the first bytes.
  bool detects() const {
    const int kinds =
        (frames != nullptr ? 1 : 0) + (thrift != nullptr ? 1 : 0) + (has_http() ? 1 : 0);
    return kinds > 1 || erpc_http || tls_too;
  }
  std::string names() const;  // "raw http websocket", for the log
};
Result<ListenPlan> plan_of(const ListenSpec& spec, std::string_view default_protocol);

// Found by config::bind(). A listener is a text or a map.
// Errors: those of config::ObjectReader; `config.bad_value`.
Status read(const config::Value& value, ListenSpec& out);
Status read(const config::Value& value, ClientTls& out);
Status read(const config::Value& value, ClientOptions& out);
// The section `tls`: how this program's listeners speak it.
Status read_server_tls(const config::Value& value, io::TlsOptions& out);

}  // namespace fairlead::service
