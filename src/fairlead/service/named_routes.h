// NamedRoutes: routes whose names are given as text. Makes methods of the names and keeps both, so
// that two names for one method are told as they were written.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/result.h"
#include "fairlead/contract/name_mapper.h"
#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/router.h"
#include "fairlead/service/route_plugins.h"

namespace fairlead::service::internal {

// Where names are given: the program itself, or a group.
struct NamePlace {
  contract::NameStyle style = contract::NameStyle::kVerbatim;
  std::string prefix{};                       // a method's beginning; empty: none
  std::string written{};                      // the same as it was given, for messages
  const rpc::PluginChain* plugins = nullptr;  // of the groups; null: none

  // That of a group in this one, without its plugins. An empty name: no prefix more.
  // Errors: those of contract::method_name().
  Result<NamePlace> group(std::string_view name) const;
};

// Thread: main's, before the peers are made. Cost: an entry in a map for each route.
class NamedRoutes {
 public:
  // Errors: those of contract::method_name(), joined() and rpc::Router::add(); they say which name
  // it is about. kConflict `route.taken` also says which other name has become the same method.
  Status add(rpc::Router& router, const NamePlace& place, wire::Kind kind, std::string_view name,
             std::unique_ptr<rpc::Handler> handler, const RoutePlugins& plugins);

 private:
  std::map<std::pair<wire::Kind, std::string>, std::string> written_;  // by method
};

}  // namespace fairlead::service::internal
