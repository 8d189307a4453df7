#include "fairlead/upstream/endpoint.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/rpc/websocket_dial.h"

namespace fairlead::upstream {

namespace {

constexpr std::string_view kTls = "tls://";
constexpr std::string_view kTlsPlus = "tls+";
constexpr std::string_view kWs = "ws://";
constexpr std::string_view kWss = "wss://";

// "/path?query" of what stands behind the address; nullopt when a request cannot ask for it.
std::optional<std::string> target_of(std::string_view text) {
  const auto fits = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
  if (!std::ranges::all_of(text, fits)) return std::nullopt;
  return (text.starts_with('/') ? "" : "/") + std::string(text);
}

// The part behind the mark of TLS, which says where; nullopt when it says that badly.
std::optional<std::string_view> address_behind_tls(std::string_view text) {
  const bool plus = text.starts_with(kTlsPlus);
  const std::string_view rest = text.substr(plus ? kTlsPlus.size() : kTls.size());
  const bool has_scheme = rest.find("://") != std::string_view::npos || rest.starts_with("unix:");
  if (plus != has_scheme) return std::nullopt;
  return rest;
}

// The host as it is written, for certificates: "localhost" is a name and not its address.
std::string written_host(std::string_view where, const io::Address& address) {
  const std::string_view host = where.substr(0, where.rfind(':'));
  const bool by_name = !address.is_unix() && host.ends_with("localhost");
  return by_name ? "localhost" : server_name_of(address);
}

Result<Endpoint> parse_websocket(std::string_view text) {
  const bool tls = text.starts_with(kWss);
  const std::string_view rest = text.substr(tls ? kWss.size() : kWs.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view where = rest.substr(0, end);
  const Result<io::Address> address = io::Address::parse(where);
  const std::optional<std::string> target = target_of(rest.substr(end));
  if (!address.ok() || address->is_unix() || !target.has_value()) {
    return Status(Code::kBadMessage, "address.bad",
                  "'" + escape_text(text) +
                      "' is no address: over WebSocket it is ws://127.0.0.1:9090/path, "
                      "ws://[::1]:9090 or wss://localhost:9443");
  }
  Endpoint endpoint{.address = *address, .tls = tls, .websocket = *target};
  endpoint.server_name = written_host(where, *address);
  endpoint.id = std::string(tls ? kWss : kWs) + address->to_text();
  if (*target != "/") endpoint.id += *target;
  return endpoint;
}

}  // namespace

bool same_way(const Endpoint& a, const Endpoint& b) {
  return a.address.to_text() == b.address.to_text() && a.protocol == b.protocol && a.tls == b.tls &&
         a.server_name == b.server_name && a.websocket == b.websocket;
}

std::string to_text(const io::Address& address, bool tls) {
  const std::string text = address.to_text();
  if (!tls) return text;
  return std::string(address.is_unix() ? kTlsPlus : kTls) + text;
}

std::string to_text(const Endpoint& endpoint) {
  if (endpoint.websocket.empty()) return to_text(endpoint.address, endpoint.tls);
  const std::string path = endpoint.websocket.substr(0, endpoint.websocket.find('?'));
  return std::string(endpoint.tls ? kWss : kWs) + endpoint.address.to_text() +
         (path == "/" ? "" : path);
}

Status check_protocol(const EndpointSet& endpoints, const wire::Protocol* protocol) {
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.websocket.empty()) continue;
    FL_TRY(
        rpc::sub_protocol_of(endpoint.protocol != nullptr ? endpoint.protocol : protocol).status());
  }
  return {};
}

std::string server_name_of(const io::Address& address) {
  return address.is_unix() ? "localhost" : address.host();
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(kWs) || text.starts_with(kWss)) return parse_websocket(text);
  Endpoint endpoint;
  endpoint.tls = text.starts_with(kTls) || text.starts_with(kTlsPlus);
  std::string_view where = text;
  if (endpoint.tls) {
    const std::optional<std::string_view> behind = address_behind_tls(text);
    if (!behind.has_value()) {
      return Status(Code::kBadMessage, "address.bad",
                    "'" + escape_text(text) +
                        "' is no address: with TLS it is tls://127.0.0.1:9443, "
                        "tls+tcp6://[::1]:9443 or tls+unix:///run/math.sock");
    }
    where = *behind;
  }
  FL_TRY_ASSIGN(endpoint.address, io::Address::parse(where));
  endpoint.id = to_text(endpoint.address, endpoint.tls);
  endpoint.server_name = written_host(where, endpoint.address);
  return endpoint;
}

Result<EndpointSnapshot> parse_endpoints(std::string_view text) {
  auto set = std::make_shared<EndpointSet>();
  for (const std::string_view part : split(text, ',')) {
    FL_TRY_ASSIGN(Endpoint endpoint, parse_endpoint(trim(part)));
    set->push_back(std::move(endpoint));
  }
  return EndpointSnapshot(std::move(set));
}

Status check_service_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  if (!name.empty() && name.size() <= 100 && name.front() >= 'a' && name.front() <= 'z' &&
      std::ranges::all_of(name, fits)) {
    return {};
  }
  return Status(Code::kBadMessage, "service.bad_name",
                "'" + escape_text(name, 110) +
                    "' is no name of a service; use 1 to 100 of a-z 0-9 _ - . and begin with a "
                    "letter");
}

}  // namespace fairlead::upstream
