// The keys of the plugin `overloader`: limits that stand in the list of plugins, or in a file of
// their own, which is read again on HUP.
//
//   plugins: [{name: overloader, limits_file: /etc/shop/limits.yaml}]
//
//   # limits.yaml
//   calls_per_second_max: 5000
//   methods: {/report/build: 10}
#pragma once

#include <memory>
#include <string>

#include "fairlead/base/result.h"
#include "fairlead/config/reader.h"
#include "fairlead/rpc/plugins/overloader.h"
#include "fairlead/service/reread.h"

namespace fairlead::service {

struct OverloaderSetting {
  rpc::OverloaderOptions limits{};
  std::string limits_file{};  // empty: `limits` are all
};

// Errors go to the reader: those of config, and `config.bad_value` for limits in both places.
void read_overloader_setting(config::ObjectReader& reader, OverloaderSetting& out);

// Those of the list, or those of the file. This blocks.
// Errors: those of config::load_file() and config::ObjectReader, with their places.
Result<rpc::OverloaderOptions> limits_of(const OverloaderSetting& setting);

// Reads what the file says now, for the plugin to take. Errors: those of limits_of() and
// rpc::OverloaderOptions::validate(). This blocks.
Result<TakeRead> reread_limits(const OverloaderSetting& setting,
                               std::shared_ptr<rpc::Overloader> overloader);

}  // namespace fairlead::service
