// RouteTable: path -> route.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fairlead/gateway/spec.h"

namespace fairlead::gateway {

// Built once, then read by every core without a lock.
//
// A prefix covers its own path and everything below it: "/api" covers "/api" and "/api/x", not
// "/apis". The longest prefix that covers a path wins; "/" covers all.
class RouteTable {
 public:
  struct Match {
    std::size_t route = 0;    // index in the list that the table was made of
    std::string_view method;  // the path, or its rest behind the prefix; begins with '/'
  };

  // No two routes with one prefix; the gateway's spec sees to it.
  explicit RouteTable(std::vector<RouteSpec> routes);

  // Null when nothing covers `path`, a plain path that begins with '/'; else `match` is filled,
  // with views into `path`. Cost: one hash for each segment of the path, no allocation.
  const RouteSpec* find(std::string_view path, Match& match) const;

  const std::vector<RouteSpec>& routes() const { return routes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  const std::vector<RouteSpec> routes_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_prefix_;
};

}  // namespace fairlead::gateway
