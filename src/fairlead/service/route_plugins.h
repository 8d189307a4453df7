// Plugins of one route or of a group of routes.
//
//   app.on_call("/report", build, fl::with_plugins(Audit()));
//   app.group("/v1", Audit()).on_call("/report", build);       // serves /v1/report
#pragma once

#include <memory>
#include <utility>

#include "fairlead/base/result.h"
#include "fairlead/rpc/plugin_chain.h"

namespace fairlead::service {

// What with_plugins() gives.
struct RoutePlugins {
  Status added{};  // `plugin.taken`, `plugin.too_many`
  rpc::PluginChain chain{};
};

// They come behind those of the program and of the groups, in this order.
template <class... P>
RoutePlugins with_plugins(P&&... plugins) {
  RoutePlugins out;
  [[maybe_unused]] const auto add = [&out](rpc::PluginHandle plugin) {
    if (out.added.ok()) out.added = out.chain.add(std::move(plugin));
  };
  (add(rpc::PluginHandle(std::forward<P>(plugins))), ...);
  return out;
}

namespace internal {

// Those of the groups, then those of the route itself.
inline Result<std::shared_ptr<const rpc::PluginChain>> joined(const rpc::PluginChain* groups,
                                                              const RoutePlugins& own) {
  FL_TRY(Status(own.added));
  auto chain = std::make_shared<rpc::PluginChain>();
  if (groups != nullptr) FL_TRY(chain->add_all(*groups));
  FL_TRY(chain->add_all(own.chain));
  return std::shared_ptr<const rpc::PluginChain>(std::move(chain));
}

}  // namespace internal
}  // namespace fairlead::service
