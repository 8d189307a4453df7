// Router: method name -> handler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/wire/message.h"

namespace fairlead::rpc {

// Methods of the framework itself (session_control.cc); no handler of anybody sees them.
inline constexpr std::string_view kControlPrefix = "/_fl/";

// Built once by main, then read by every core without a lock; it must not change while peers use
// it.
class Router {
 public:
  struct Route {
    std::string method;
    wire::Kind kind;  // kCall or kPush
    std::unique_ptr<Handler> handler;
    const Route* other = nullptr;  // the second route of this method, for the other kind
    bool second = false;           // found by way of the first
    // Of its groups and its own, behind those of the peer; null: none.
    std::shared_ptr<const PluginChain> plugins{};
    std::size_t number = 0;  // in routes()
  };

  // Methods are compared byte by byte and have 1 .. 255 bytes. A method may have one route for
  // CALLs and one for PUSHes.
  // Errors: kConflict `route.taken`; kBadMessage `route.bad_method`, `route.reserved`.
  Status add(wire::Kind kind, std::string_view method, std::unique_ptr<Handler> handler,
             std::shared_ptr<const PluginChain> plugins = nullptr);
  // Answers messages for which there is no route (proxies). At most one per kind.
  // Errors: kConflict `route.taken`.
  Status add_unknown(wire::Kind kind, std::unique_ptr<Handler> handler);
  // Sessions that are accepted must begin with an AUTH_CALL, which this answers: an OK reply opens
  // the session, an error closes it. At most one. Errors: kConflict `route.taken`.
  Status set_login(std::unique_ptr<Handler> handler);

  // The method's first route; null when there is none. One hash, usually one comparison.
  const Route* find(std::string_view method) const;
  Handler* unknown(wire::Kind kind) const {
    return kind == wire::Kind::kCall ? unknown_call_.get() : unknown_push_.get();
  }
  Handler* login() const { return login_.get(); }    // null: nobody has to log in
  bool has_plugins() const { return has_plugins_; }  // some route has
  // Tells the plugins of their routes (Plugin::post_reg), when all routes and plugins are there.
  // `global`: of every route. Hooks of a route's plugin that are never called are told as debug.
  // Errors: what post_reg() returned; kConflict `plugin.taken`: a route meets a name twice.
  Status announce(const PluginChain& global) const;
  // In the order in which they were added.
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  // What a caller of `method`, which no route has, is told.
  // kNotFound `route.unknown`; the message names the nearest method.
  Status not_found(std::string_view method) const;
  // The route whose method is nearest to a mistyped one; empty when none is near.
  std::string_view nearest(std::string_view method) const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const Route* route = nullptr;
  };
  void rebuild();

  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  std::unique_ptr<Handler> unknown_call_;
  std::unique_ptr<Handler> unknown_push_;
  std::unique_ptr<Handler> login_;
  bool has_plugins_ = false;
};

}  // namespace fairlead::rpc
