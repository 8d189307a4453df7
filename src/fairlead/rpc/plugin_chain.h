// PluginChain: plugins in their order, with a list per hook of those that have it.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

// Every hook: its constant, its method. The one list of them.
#define FL_EACH_PLUGIN_HOOK(X)                    \
  X(kPreNewPeer, pre_new_peer)                    \
  X(kPostNewPeer, post_new_peer)                  \
  X(kPostReg, post_reg)                           \
  X(kPostListen, post_listen)                     \
  X(kPreDial, pre_dial)                           \
  X(kPostDial, post_dial)                         \
  X(kPostAccept, post_accept)                     \
  X(kPostDisconnect, post_disconnect)             \
  X(kPostIdle, post_idle)                         \
  X(kPostLost, post_lost)                         \
  X(kPreWriteCall, pre_write_call)                \
  X(kPreWritePush, pre_write_push)                \
  X(kPostWriteCall, post_write_call)              \
  X(kPostWritePush, post_write_push)              \
  X(kPostReadReplyHeader, post_read_reply_header) \
  X(kPreReadReplyBody, pre_read_reply_body)       \
  X(kPostReadReplyBody, post_read_reply_body)     \
  X(kPostCall, post_call)                         \
  X(kPreReadHeader, pre_read_header)              \
  X(kPostReadCallHeader, post_read_call_header)   \
  X(kPostReadPushHeader, post_read_push_header)   \
  X(kPreReadCallBody, pre_read_call_body)         \
  X(kPreReadPushBody, pre_read_push_body)         \
  X(kPostReadCallBody, post_read_call_body)       \
  X(kPostReadPushBody, post_read_push_body)       \
  X(kPreWriteReply, pre_write_reply)              \
  X(kPostWriteReply, post_write_reply)            \
  X(kPostServe, post_serve)

enum class Hook : std::uint8_t {
#define FL_HOOK_CONSTANT(constant, method) constant,
  FL_EACH_PLUGIN_HOOK(FL_HOOK_CONSTANT)
#undef FL_HOOK_CONSTANT
      kCount
};
inline constexpr std::size_t kHookCount = static_cast<std::size_t>(Hook::kCount);

// "pre_write_call"
std::string_view hook_name(Hook hook);

// A bit per hook.
using HookSet = std::uint32_t;
static_assert(kHookCount <= 32);
constexpr HookSet hook_bit(Hook hook) { return HookSet{1} << static_cast<unsigned>(hook); }

// The hooks that P overrides: there, the method belongs to another class than Plugin.
template <std::derived_from<Plugin> P>
constexpr HookSet hooks_of() {
  HookSet hooks = 0;
#define FL_HOOK_BIT(constant, method)                                             \
  if constexpr (!std::same_as<decltype(&P::method), decltype(&Plugin::method)>) { \
    hooks |= hook_bit(Hook::constant);                                            \
  }
  FL_EACH_PLUGIN_HOOK(FL_HOOK_BIT)
#undef FL_HOOK_BIT
  return hooks;
}

namespace internal {
template <auto Method>
inline constexpr Hook kHookOf = Hook::kCount;
#define FL_HOOK_OF(constant, method) \
  template <>                        \
  inline constexpr Hook kHookOf<&Plugin::method> = Hook::constant;
FL_EACH_PLUGIN_HOOK(FL_HOOK_OF)
#undef FL_HOOK_OF
}  // namespace internal

// A plugin with what is known of its type. Made where the type is known, by conversion.
class PluginHandle {
 public:
  template <std::derived_from<Plugin> P>
  // NOLINTNEXTLINE(google-explicit-constructor): written as an argument
  PluginHandle(std::shared_ptr<P> plugin) : plugin_(std::move(plugin)), hooks_(hooks_of<P>()) {
    static_assert(std::is_final_v<P>, "the class of a plugin is final: what it overrides is known");
  }
  template <std::derived_from<Plugin> P>
  // NOLINTNEXTLINE(google-explicit-constructor)
  PluginHandle(P plugin) : PluginHandle(std::make_shared<P>(std::move(plugin))) {}

  Plugin& plugin() const { return *plugin_; }
  const std::string& name() const { return plugin_->name(); }
  HookSet hooks() const { return hooks_; }

 private:
  std::shared_ptr<Plugin> plugin_;
  HookSet hooks_;
};

// Built by main, then read by every core without a lock; it must not change while peers use it.
class PluginChain {
 public:
  static constexpr std::size_t kPluginsMax = 64;

  // Behind those that are there.
  // Errors: kConflict `plugin.taken`: one of this name is there; kLocalLimit `plugin.too_many`.
  Status add(PluginHandle plugin);
  Status add_all(const PluginChain& others);

  bool empty() const { return plugins_.empty(); }
  const std::vector<PluginHandle>& plugins() const { return plugins_; }
  bool contains(std::string_view name) const;
  HookSet hooks() const { return hooks_; }
  template <auto Method>
  bool has() const {
    return (hooks_ & hook_bit(internal::kHookOf<Method>)) != 0;
  }

  // Asks each plugin that has the hook, in order; the first error ends it and is returned.
  template <auto Method, class... Arguments>
  Status ask(Arguments&&... arguments) const {
    for (const Entry& entry : entries<Method>()) FL_TRY(call<Method>(*entry.plugin, arguments...));
    return {};
  }
  template <auto Method, class... Arguments>
  Status ask_back(Arguments&&... arguments) const {
    const std::vector<Entry>& all = entries<Method>();
    for (std::size_t i = all.size(); i-- > 0;) FL_TRY(call<Method>(*all[i].plugin, arguments...));
    return {};
  }
  // Tells them all. Errors are logged.
  template <auto Method, class... Arguments>
  void tell(Arguments&&... arguments) const {
    for (const Entry& entry : entries<Method>()) {
      log(*entry.plugin, internal::kHookOf<Method>, call<Method>(*entry.plugin, arguments...));
    }
  }
  template <auto Method, class... Arguments>
  void tell_back(Arguments&&... arguments) const {
    const std::vector<Entry>& all = entries<Method>();
    for (std::size_t i = all.size(); i-- > 0;) {
      log(*all[i].plugin, internal::kHookOf<Method>, call<Method>(*all[i].plugin, arguments...));
    }
  }
  // As ask(); `reached` becomes the number of plugins that are behind it or were passed.
  template <auto Method, class... Arguments>
  Status ask_noting(std::uint8_t& reached, Arguments&&... arguments) const {
    for (const Entry& entry : entries<Method>()) {
      reached = static_cast<std::uint8_t>(entry.position + 1);
      FL_TRY(call<Method>(*entry.plugin, arguments...));
    }
    reached = static_cast<std::uint8_t>(plugins_.size());
    return {};
  }
  // As tell_back(), without those that were not reached.
  template <auto Method, class... Arguments>
  void tell_reached(std::uint8_t reached, Arguments&&... arguments) const {
    const std::vector<Entry>& all = entries<Method>();
    for (std::size_t i = all.size(); i-- > 0;) {
      if (all[i].position >= reached) continue;
      log(*all[i].plugin, internal::kHookOf<Method>, call<Method>(*all[i].plugin, arguments...));
    }
  }

 private:
  struct Entry {
    Plugin* plugin;
    std::uint8_t position;
  };

  template <auto Method>
  const std::vector<Entry>& entries() const {
    static_assert(internal::kHookOf<Method> != Hook::kCount);
    return entries_[static_cast<std::size_t>(internal::kHookOf<Method>)];
  }
  // The one place where what a plugin throws becomes a Status.
  template <auto Method, class... Arguments>
  static Status call(Plugin& plugin, Arguments&... arguments) {
    try {
      return (plugin.*Method)(arguments...);
    } catch (...) {
      return thrown(plugin, internal::kHookOf<Method>);
    }
  }
  static Status thrown(const Plugin& plugin, Hook hook);
  static void log(const Plugin& plugin, Hook hook, const Status& status);

  std::vector<PluginHandle> plugins_;
  std::array<std::vector<Entry>, kHookCount> entries_;
  HookSet hooks_ = 0;
};

}  // namespace fairlead::rpc
