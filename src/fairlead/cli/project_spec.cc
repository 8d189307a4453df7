#include "fairlead/cli/project_spec.h"

#include <map>

#include "fairlead/config/document.h"
#include "fairlead/upstream/endpoint.h"

namespace fairlead::cli {

namespace {

constexpr std::uint32_t kCopiesMax = 64;

config::Environment own_variables(const config::Environment& all) {
  config::Environment own;
  for (const auto& [name, value] : all) {
    if (name == "FAIRLEAD_STORE" || name.starts_with(kGatewayVariables)) own.emplace(name, value);
  }
  return own;
}

}  // namespace

Status read(const config::Value& value, ServiceSpec& out) {
  config::ObjectReader reader(value);
  reader.required("name", out.name);
  reader.required("command", out.command);
  reader.optional("copies", out.copies, {1, kCopiesMax});
  if (!out.name.empty()) {
    const Status name = upstream::check_service_name(out.name);
    if (!name.ok()) reader.reject("name", name.reason(), name.message());
  }
  if (reader.good() && out.command.empty()) {
    reader.reject("command", "config.bad_value",
                  "the command is empty; write program and arguments: [build/math_service]");
  }
  return reader.finish();
}

Status read(const config::Value& value, ProjectSpec& out) {
  config::ObjectReader reader(value);
  reader.optional("store", out.store);
  reader.required("gateway", out.gateway);
  reader.optional("services", out.services);
  reader.optional("hints", out.hints);
  return reader.finish();
}

Result<ProjectSpec> load_project(const std::string& file,
                                 const std::vector<std::string>& settings) {
  const config::Environment environment = config::system_environment();
  FL_TRY_ASSIGN(config::Document document, config::load_file(file, {.variables = &environment}));
  FL_TRY(document.overlay_environment("FAIRLEAD_", own_variables(environment)));
  for (const std::string& setting : settings) FL_TRY(document.overlay_flag(setting));
  ProjectSpec spec;
  FL_TRY(config::bind(document, spec));
  if (spec.gateway.store.empty()) spec.gateway.store = spec.store;
  return spec;
}

}  // namespace fairlead::cli
