#include "fairlead/service/overloader_setting.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "fairlead/observe/log.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

void read_limits(config::ObjectReader& reader, rpc::OverloaderOptions& out) {
  reader.optional("connections_max", out.connections_max);
  reader.optional("calls_per_second_max", out.calls_per_second_max);
  reader.optional("burst", out.burst, {1ms, 1min});
  reader.map("methods", [&out](const config::Value& member) {
    return config::read(member, out.methods[std::string(member.key())]);
  });
}

}  // namespace

void read_overloader_setting(config::ObjectReader& reader, OverloaderSetting& out) {
  reader.optional("limits_file", out.limits_file);
  if (out.limits_file.empty()) return read_limits(reader, out.limits);
  for (const std::string_view key :
       {"connections_max", "calls_per_second_max", "burst", "methods"}) {
    if (reader.look(key) == nullptr) continue;
    reader.reject(key, "config.bad_value",
                  "limits stand here or in the limits_file, not in both: write this one there");
  }
}

Result<rpc::OverloaderOptions> limits_of(const OverloaderSetting& setting) {
  if (setting.limits_file.empty()) return setting.limits;
  FL_TRY_ASSIGN(const config::Document document, config::load_file(setting.limits_file));
  rpc::OverloaderOptions limits;
  config::ObjectReader reader(document.root());
  read_limits(reader, limits);
  FL_TRY(reader.finish());
  return limits;
}

Result<TakeRead> reread_limits(const OverloaderSetting& setting,
                               std::shared_ptr<rpc::Overloader> overloader) {
  FL_TRY_ASSIGN(rpc::OverloaderOptions limits, limits_of(setting));
  FL_TRY(limits.validate());
  return TakeRead([overloader = std::move(overloader), limits, file = setting.limits_file] {
    const Status updated = overloader->update(limits);
    if (updated.ok()) {
      FL_LOG(info, "overloader.reloaded", {"file", file});
    } else {  // there were too many updates
      FL_LOG(error, "overloader.not_reloaded", {"reason", updated.reason()},
             {"message", updated.message()});
    }
  });
}

}  // namespace fairlead::service
