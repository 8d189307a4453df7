#include "fairlead/rpc/router.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"

namespace fairlead::rpc {
namespace {

// Mixes eight bytes at a time with a multiplication folded to 64 bits, after wyhash by Wang Yi.
// Method names come from peers, but the table is fixed by us: crafted names cost a miss, no more.
std::uint64_t hash_of(std::string_view text) {
  constexpr std::uint64_t kA = 0xA0761D6478BD642FULL;
  constexpr std::uint64_t kB = 0xE7037ED1A0B428DBULL;
  const auto fold = [](std::uint64_t x, std::uint64_t y) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t hash = text.size() ^ kA;
  while (text.size() > 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = fold(hash ^ word, kB);
    text.remove_prefix(8);
  }
  // The last 1 to 8 bytes as two halves that may overlap: no call for a copy of unknown length.
  const char* const data = text.data();
  const std::size_t size = text.size();
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  if (size >= 4) {
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + size - 4, 4);
  } else if (size > 0) {
    const auto byte = [data](std::size_t at) { return static_cast<unsigned char>(data[at]); };
    low = byte(0);
    high = static_cast<std::uint32_t>(byte(size / 2) << 8 | byte(size - 1));
  }
  return fold(hash ^ (std::uint64_t{high} << 32 | low), kB);
}

// Names are short: words that may overlap instead of a call.
inline bool same_name(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size < 8 || size > 32) return std::memcmp(a.data(), b.data(), size) == 0;
  const auto word = [](const char* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    return value;
  };
  std::uint64_t differs = word(a.data()) ^ word(b.data());
  differs |= word(a.data() + size - 8) ^ word(b.data() + size - 8);
  if (size > 16) {
    differs |= word(a.data() + 8) ^ word(b.data() + 8);
    differs |= word(a.data() + size - 16) ^ word(b.data() + size - 16);
  }
  return differs == 0;
}

}  // namespace

Status Router::add(wire::Kind kind, std::string_view method, std::unique_ptr<Handler> handler,
                   std::shared_ptr<const PluginChain> plugins) {
  if (method.empty() || method.size() > wire::kMethodBytesMax) {
    return Status(Code::kBadMessage, "route.bad_method",
                  "the method '" + escape_text(method, 40) + "' has " +
                      std::to_string(method.size()) + " bytes: give it a name of 1 to 255 bytes");
  }
  if (method.starts_with(kControlPrefix)) {
    return Status(Code::kBadMessage, "route.reserved",
                  "methods that begin with " + std::string(kControlPrefix) +
                      " belong to the framework: choose another name than '" + escape_text(method) +
                      "'");
  }
  const Route* taken = find(method);
  if (taken != nullptr && (taken->kind == kind || taken->other != nullptr)) {
    return Status(Code::kConflict, "route.taken",
                  "the " + std::string(wire::kind_name(kind)) + " '" + escape_text(method) +
                      "' is served already: leave one of the two out, or give it another name");
  }
  if (plugins != nullptr && plugins->empty()) plugins = nullptr;
  has_plugins_ = has_plugins_ || plugins != nullptr;
  routes_.push_back(std::make_unique<Route>(Route{.method = std::string(method),
                                                  .kind = kind,
                                                  .handler = std::move(handler),
                                                  .plugins = std::move(plugins),
                                                  .number = routes_.size()}));
  if (taken != nullptr) {
    Route* second = routes_.back().get();
    second->second = true;
    (*std::ranges::find(routes_, taken, &std::unique_ptr<Route>::get))->other = second;
  }
  rebuild();
  return {};
}

Status Router::set_login(std::unique_ptr<Handler> handler) {
  if (login_ != nullptr) {
    return Status(Code::kConflict, "route.taken", "there is a handler for logins already");
  }
  login_ = std::move(handler);
  return {};
}

Status Router::add_unknown(wire::Kind kind, std::unique_ptr<Handler> handler) {
  std::unique_ptr<Handler>& place = kind == wire::Kind::kCall ? unknown_call_ : unknown_push_;
  if (place != nullptr) {
    return Status(Code::kConflict, "route.taken", "there is a handler for unknown methods already");
  }
  place = std::move(handler);
  return {};
}

Status Router::announce(const PluginChain& global) const {
  // What has to do with connections, or comes before the route is known.
  constexpr HookSet kOfRoutes = hook_bit(Hook::kPostReg) | hook_bit(Hook::kPreReadCallBody) |
                                hook_bit(Hook::kPreReadPushBody) |
                                hook_bit(Hook::kPostReadCallBody) |
                                hook_bit(Hook::kPostReadPushBody) | hook_bit(Hook::kPreWriteReply) |
                                hook_bit(Hook::kPostWriteReply) | hook_bit(Hook::kPostServe);
  for (const auto& route : routes_) {
    const RegisteredRoute told{route->method, route->kind, route->number};
    FL_TRY(global.ask<&Plugin::post_reg>(told));
    if (route->plugins == nullptr) continue;
    for (const PluginHandle& plugin : route->plugins->plugins()) {
      if (global.contains(plugin.name())) {
        return Status(Code::kConflict, "plugin.taken",
                      "the route '" + route->method + "' meets the plugin '" + plugin.name() +
                          "' twice: as a global one and as one of its group or its own; leave one "
                          "out, or give it another name");
      }
      for (std::size_t i = 0; i < kHookCount; ++i) {
        const auto hook = static_cast<Hook>(i);
        if ((plugin.hooks() & ~kOfRoutes & hook_bit(hook)) == 0) continue;
        FL_LOG(debug, "plugin.hook_not_of_routes", {"plugin", plugin.name()},
               {"route", route->method}, {"hook", hook_name(hook)});
      }
    }
    FL_TRY(route->plugins->ask<&Plugin::post_reg>(told));
  }
  return {};
}

void Router::rebuild() {
  slots_.assign(std::bit_ceil(routes_.size() * 2 + 2), Slot{});
  for (const auto& route : routes_) {
    if (route->second) continue;
    const std::uint64_t hash = hash_of(route->method);
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].route != nullptr) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, route.get()};
  }
}

const Router::Route* Router::find(std::string_view method) const {
  if (slots_.empty()) return nullptr;
  const std::uint64_t hash = hash_of(method);
  for (std::size_t at = hash & (slots_.size() - 1); slots_[at].route != nullptr;
       at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash && same_name(slots_[at].route->method, method)) {
      return slots_[at].route;
    }
  }
  return nullptr;
}

Status Router::not_found(std::string_view method) const {
  const std::string_view near = nearest(method.substr(0, method.find('?')));
  return Status(Code::kNotFound, "route.unknown",
                "no handler for '" + escape_text(method) + "'" +
                    (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?"));
}

std::string_view Router::nearest(std::string_view method) const {
  std::vector<std::string_view> names;
  // "divide" and "math/divide" are short for "/math/divide" to whoever types them.
  const std::string ending = "/" + std::string(method);
  for (const auto& route : routes_) {
    if (!method.empty() && route->method.ends_with(ending)) return route->method;
  }
  for (const auto& route : routes_) names.emplace_back(route->method);
  return nearest_name(method, names);
}

}  // namespace fairlead::rpc
