#include "fairlead/upstream/endpoint.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead::upstream {

namespace {

constexpr std::string_view kTls = "tls://";
constexpr std::string_view kTlsPlus = "tls+";

// The part behind the mark of TLS, which says where; nullopt when it says that badly.
std::optional<std::string_view> address_behind_tls(std::string_view text) {
  const bool plus = text.starts_with(kTlsPlus);
  const std::string_view rest = text.substr(plus ? kTlsPlus.size() : kTls.size());
  const bool has_scheme = rest.find("://") != std::string_view::npos || rest.starts_with("unix:");
  if (plus != has_scheme) return std::nullopt;
  return rest;
}

}  // namespace

bool same_way(const Endpoint& a, const Endpoint& b) {
  return a.address.to_text() == b.address.to_text() && a.protocol == b.protocol && a.tls == b.tls &&
         a.server_name == b.server_name;
}

std::string to_text(const io::Address& address, bool tls) {
  const std::string text = address.to_text();
  if (!tls) return text;
  return std::string(address.is_unix() ? kTlsPlus : kTls) + text;
}

std::string server_name_of(const io::Address& address) {
  return address.is_unix() ? "localhost" : address.host();
}

Result<Endpoint> parse_endpoint(std::string_view text) {
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
  const std::string_view host = where.substr(0, where.rfind(':'));
  const bool by_name = !endpoint.address.is_unix() && host.ends_with("localhost");
  endpoint.server_name = by_name ? "localhost" : server_name_of(endpoint.address);
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
