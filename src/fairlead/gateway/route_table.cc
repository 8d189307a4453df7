#include "fairlead/gateway/route_table.h"

#include <utility>

#include "fairlead/base/check.h"

namespace fairlead::gateway {

RouteTable::RouteTable(std::vector<RouteSpec> routes) : routes_(std::move(routes)) {
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    FL_CHECK(by_prefix_.emplace(routes_[i].prefix, i).second);
  }
}

const RouteSpec* RouteTable::find(std::string_view path, Match& match) const {
  if (!path.starts_with('/')) return nullptr;
  // Candidates are the path itself and its beginnings up to each slash, the longest first.
  for (std::size_t size = path.size();; size = path.rfind('/', size - 1)) {
    const auto found = by_prefix_.find(size == 0 ? std::string_view("/") : path.substr(0, size));
    if (found != by_prefix_.end()) {
      const RouteSpec& route = routes_[found->second];
      const std::string_view rest = path.substr(size);
      match.route = found->second;
      match.method = !route.strip || size == 0 ? path : rest;
      if (match.method.empty()) match.method = "/";
      return &route;
    }
    if (size == 0) return nullptr;
  }
}

}  // namespace fairlead::gateway
