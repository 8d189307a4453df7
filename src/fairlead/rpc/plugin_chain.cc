#include "fairlead/rpc/plugin_chain.h"

#include <algorithm>

#include "fairlead/base/exception.h"
#include "fairlead/base/result.h"
#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"

namespace fairlead::rpc {

std::string_view hook_name(Hook hook) {
  constexpr std::array<std::string_view, kHookCount> kNames = {
#define FL_HOOK_NAME(constant, method) #method,
      FL_EACH_PLUGIN_HOOK(FL_HOOK_NAME)
#undef FL_HOOK_NAME
  };
  return kNames[static_cast<std::size_t>(hook)];
}

bool PluginChain::contains(std::string_view name) const {
  return std::ranges::any_of(plugins_,
                             [name](const PluginHandle& plugin) { return plugin.name() == name; });
}

Status PluginChain::add(PluginHandle plugin) {
  if (contains(plugin.name())) {
    return Status(Code::kConflict, "plugin.taken",
                  "there is a plugin '" + escape_text(plugin.name()) +
                      "' already: use it once, or give the second one another name");
  }
  if (plugins_.size() == kPluginsMax) {
    return Status(Code::kLocalLimit, "plugin.too_many",
                  "'" + escape_text(plugin.name()) + "' would be the 65th plugin; 64 are possible");
  }
  const Entry entry{&plugin.plugin(), static_cast<std::uint8_t>(plugins_.size())};
  for (std::size_t i = 0; i < kHookCount; ++i) {
    if ((plugin.hooks() & hook_bit(static_cast<Hook>(i))) != 0) entries_[i].push_back(entry);
  }
  hooks_ |= plugin.hooks();
  plugins_.push_back(std::move(plugin));
  return {};
}

Status PluginChain::add_all(const PluginChain& others) {
  for (const PluginHandle& plugin : others.plugins_) FL_TRY(add(plugin));
  return {};
}

Status PluginChain::thrown(const Plugin& plugin, Hook hook) {
  Status status(Code::kInternal, "plugin.threw",
                "the plugin '" + plugin.name() + "' threw in " + std::string(hook_name(hook)));
  return with_exception_as_cause(std::move(status));
}

void PluginChain::log(const Plugin& plugin, Hook hook, const Status& status) {
  if (status.ok()) return;
  FL_LOG(warn, "plugin.failed", {"plugin", plugin.name()}, {"hook", hook_name(hook)},
         {"reason", status.reason()}, {"message", status.message()});
}

}  // namespace fairlead::rpc
