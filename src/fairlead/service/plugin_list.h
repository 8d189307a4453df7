// The setting `plugins`: which plugins a program has beside those of its code, by name.
//
//   plugins:
//     - {name: real_ip, trusted: [10.0.0.0/8]}
//     - {name: overloader, calls_per_second_max: 5000}
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/value.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/service/reread.h"

namespace fairlead::service {

class Process;

// What a plugin of the configuration may use of its program.
struct PluginParts {
  Process& process;
  // To be done when the program can call others, before it serves.
  std::vector<std::function<Status()>>& before_serving;
  // To be done when somebody asks for files to be read again (HUP).
  std::vector<Reread>& rereads;
};

// One item of the list, read and checked; the plugin is made when the program starts.
struct PluginSpec {
  std::string name{};
  bool rereads_files = false;  // so HUP has a meaning
  std::function<Result<rpc::PluginHandle>(const PluginParts& parts)> make{};
  std::string calls{};            // a service that it calls, by name or address; empty: none
  std::function<Status()> check;  // of the files that it names, before make(); null: none
};

// Found by config::bind(). Errors: those of config::ObjectReader; kBadMessage
// `plugin.unknown_name`, with the nearest one.
Status read(const config::Value& value, PluginSpec& out);

// The names that may stand there, in the order of docs/reference/plugins.md.
std::vector<std::string_view> plugin_names();

}  // namespace fairlead::service
