#include "fairlead/admin/request_rules.h"

#include <string>

#include "fairlead/base/text.h"

namespace fairlead::admin {
namespace {

constexpr Code kMisdirected{421};
constexpr Code kMediaType{415};

// Whether the request has fields of this name, and `fits` says yes to each.
template <class Fits>
bool all_fit(const http::Fields& fields, std::string_view name, Fits fits) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto field = fields[i];
    if (equals_ignoring_case(field.name, name) && !fits(field.value)) return false;
  }
  return true;
}

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  const std::size_t end = type.find_last_not_of(" \t");
  return equals_ignoring_case(type.substr(0, end + 1), "application/json");
}

}  // namespace

bool is_own_host(std::string_view authority) {
  if (authority.empty() || authority.starts_with('[')) return true;  // HTTP/1.0; IPv6
  const std::string_view host = authority.substr(0, authority.find(':'));
  return equals_ignoring_case(host, "localhost") ||
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool only_reads(std::string_view method) { return method == "GET" || method == "HEAD"; }

Status check_write(const http::Request& request) {
  if (request.authority.empty() || !is_own_host(request.authority)) {
    return Status(kMisdirected, "admin.wrong_host",
                  "what changes something is asked for by IP address or localhost");
  }
  const std::string own = "http://" + request.authority;
  const bool from_here =
      all_fit(request.fields, "Origin",
              [&own](std::string_view origin) { return equals_ignoring_case(origin, own); }) &&
      all_fit(request.fields, "Sec-Fetch-Site",
              [](std::string_view site) { return site == "same-origin" || site == "none"; });
  if (!from_here) {
    return Status(Code::kForbidden, "admin.cross_site",
                  "a page of another site sent this; nothing was changed");
  }
  const bool json = request.fields.find("Content-Type").has_value() &&
                    all_fit(request.fields, "Content-Type", is_json);
  if (!json) {
    return Status(kMediaType, "admin.content_type",
                  "give Content-Type: application/json, as curl --json '{}' does");
  }
  return {};
}

}  // namespace fairlead::admin
