#include "fairlead/service/plugin_list.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/config/reader.h"
#include "fairlead/rpc/plugins/auth.h"
#include "fairlead/rpc/plugins/ignore_case.h"
#include "fairlead/rpc/plugins/real_ip.h"
#include "fairlead/rpc/plugins/run_log.h"
#include "fairlead/rpc/plugins/tps.h"
#include "fairlead/service/overloader_setting.h"
#include "fairlead/service/process.h"
#include "fairlead/service/proxy.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using config::ObjectReader;
using Made = Result<rpc::PluginHandle>;

template <class P>
Made handle_of(Result<std::shared_ptr<P>> made) {
  if (!made.ok()) return made.status();
  return rpc::PluginHandle(*std::move(made));
}

// Keeps the mistakes of a plugin's own rules at their place in the file.
void check(ObjectReader& reader, std::string_view key, const Status& status) {
  if (!status.ok()) reader.reject(key, "config.bad_value", status.message());
}

void read_auth_bearer(ObjectReader& reader, PluginSpec& out) {
  std::string token;
  reader.required("token", token);
  out.make = [token](const PluginParts&) -> Made {
    return rpc::PluginHandle(rpc::AuthBearer(token));
  };
}

void read_auth_checker(ObjectReader& reader, PluginSpec& out) {
  std::map<std::string, std::string> tokens;
  reader.required("tokens", tokens);
  for (const auto& [subject, token] : tokens) {
    if (token.empty()) {
      reader.reject("tokens", "config.bad_value",
                    "the token of '" + escape_text(subject) + "' is empty");
    }
  }
  out.make = [tokens](const PluginParts&) -> Made {
    return rpc::PluginHandle(rpc::AuthChecker::of_tokens(tokens));
  };
}

void read_ignore_case(ObjectReader&, PluginSpec& out) {
  out.make = [](const PluginParts&) -> Made { return rpc::PluginHandle(rpc::IgnoreCase()); };
}

void read_overloader(ObjectReader& reader, PluginSpec& out) {
  OverloaderSetting setting;
  read_overloader_setting(reader, setting);
  out.rereads_files = !setting.limits_file.empty();
  if (out.rereads_files) {
    out.check = [setting]() -> Status {
      FL_TRY_ASSIGN(const rpc::OverloaderOptions limits, limits_of(setting));
      return limits.validate();
    };
  }
  out.make = [setting](const PluginParts& parts) -> Made {
    FL_TRY_ASSIGN(rpc::OverloaderOptions limits, limits_of(setting));
    FL_TRY_ASSIGN(const auto made,
                  rpc::Overloader::make(std::move(limits), &parts.process.metrics()));
    if (!setting.limits_file.empty()) {
      parts.rereads.emplace_back([setting, made] { return reread_limits(setting, made); });
    }
    return rpc::PluginHandle(made);
  };
}

void read_proxy(ObjectReader& reader, PluginSpec& out) {
  std::string to;
  reader.required("to", to);
  const bool by_address = to.find(':') != std::string::npos;
  if (reader.good()) {
    check(reader, "to",
          by_address ? upstream::parse_endpoints(to).status() : upstream::check_service_name(to));
  }
  out.calls = to;
  out.make = [to](const PluginParts& parts) -> Made {
    auto proxy = std::make_shared<Proxy>();
    parts.before_serving.emplace_back([proxy, to, &process = parts.process]() -> Status {
      FL_TRY_ASSIGN(const Target* target, process.target(to));
      proxy->to(RawClient(*target));
      return {};
    });
    return rpc::PluginHandle(proxy);
  };
}

void read_real_ip(ObjectReader& reader, PluginSpec& out) {
  std::vector<std::string> trusted;
  reader.optional("trusted", trusted);
  check(reader, "trusted", rpc::RealIp::make(trusted).status());
  out.make = [trusted](const PluginParts&) { return handle_of(rpc::RealIp::make(trusted)); };
}

void read_run_log(ObjectReader& reader, PluginSpec& out) {
  rpc::RunLogOptions options;
  std::string form = "fields";
  reader.optional("slow_after", options.slow_after, {0ms, 1h});
  reader.optional("details", options.details);
  reader.optional_bytes("body_bytes_max", options.body_bytes_max, {0, 64 * 1024});
  reader.optional("form", form);
  options.text = form == "text";
  if (!options.text && form != "fields") {
    reader.reject("form", "config.bad_value",
                  "'" + escape_text(form) + "' is no form; use fields or text");
  }
  out.make = [options](const PluginParts&) -> Made {
    return rpc::PluginHandle(rpc::RunLog(options));
  };
}

void read_tps(ObjectReader&, PluginSpec& out) {
  out.make = [](const PluginParts& parts) -> Made {
    return rpc::PluginHandle(std::make_shared<rpc::Tps>(parts.process.metrics()));
  };
}

// To add a plugin to the configuration: one line here.
struct Known {
  std::string_view name;
  void (*read)(ObjectReader& reader, PluginSpec& out);
};
constexpr std::array kKnown = std::to_array<Known>({
    {"auth_bearer", read_auth_bearer},
    {"auth_checker", read_auth_checker},
    {"ignore_case", read_ignore_case},
    {"overloader", read_overloader},
    {"proxy", read_proxy},
    {"real_ip", read_real_ip},
    {"run_log", read_run_log},
    {"tps", read_tps},
});

}  // namespace

std::vector<std::string_view> plugin_names() {
  std::vector<std::string_view> names;
  for (const Known& known : kKnown) names.push_back(known.name);
  return names;
}

Status read(const config::Value& value, PluginSpec& out) {
  ObjectReader reader(value);
  reader.required("name", out.name);
  const auto known = std::ranges::find(kKnown, out.name, &Known::name);
  if (known != kKnown.end()) {
    known->read(reader, out);
    return reader.finish();
  }
  if (reader.good()) {
    const std::vector<std::string_view> names = plugin_names();
    const std::string_view near = nearest_name(out.name, names);
    std::string all;
    for (const std::string_view name : names) all.append(all.empty() ? "" : ", ").append(name);
    reader.reject(
        "name", "plugin.unknown_name",
        "no plugin is called '" + escape_text(out.name) + "'" +
            (near.empty() ? "; there are " + all : "; did you mean '" + std::string(near) + "'?"));
  }
  for (const auto& member : value.children())
    (void)reader.look(member->key());  // not ours to judge
  return reader.finish();
}

}  // namespace fairlead::service
