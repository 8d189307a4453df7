#include "fairlead/cli/project_spec.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "fairlead/runtime/succession.h"
#include "fairlead/store/store.h"
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

Status bind_project(const config::Document& document, ProjectSpec& out) {
  FL_TRY(config::bind(document, out));
  if (out.gateway.store.empty()) out.gateway.store = out.store;
  return {};
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

Status ProjectSource::check_start(const ProjectSpec& spec, const config::Document& written) const {
  if (spec.gateway.store.empty() && store_ == Store::kNeeded) {
    return Status(Code::kBadMessage, "config.missing_key",
                  file_ +
                      ": no store is named; add `store: file:/path/store.db`, the one in which the "
                      "services register");
  }
  config::Problems problems;
  if (!spec.gateway.store.empty()) {
    const bool shared = spec.gateway.store == spec.store;
    const std::vector<std::string> own{"gateway", "store"};
    problems.add(written.blame(shared ? std::vector<std::string>{"store"} : own,
                               store::check(spec.gateway.store)));
  }
  problems.add(
      written.blame({"gateway", "pid_file"}, runtime::check_pid_file(spec.gateway.pid_file)));
  return problems.status();
}

Result<ProjectSource> ProjectSource::read(std::string file, std::vector<std::string> settings,
                                          Store store) {
  ProjectSource source(std::move(file), std::move(settings), store);
  source.environment_ = config::system_environment();
  FL_TRY_ASSIGN(source.document_, source.read_layers());
  FL_TRY(bind_project(source.document_, source.spec_));
  FL_TRY(source.check_start(source.spec_, source.document_));
  return source;
}

Result<config::Document> ProjectSource::read_layers() const {
  FL_TRY_ASSIGN(config::Document document, config::load_file(file_, {.variables = &environment_}));
  FL_TRY(document.overlay_environment("FAIRLEAD_", own_variables(environment_)));
  for (const std::string& setting : settings_) FL_TRY(document.overlay_flag(setting));
  return document;
}

Result<ProjectSource::Next> ProjectSource::read_again() const {
  FL_TRY_ASSIGN(const config::Document written, read_layers());
  ProjectSpec whole;
  FL_TRY(bind_project(written, whole));
  FL_TRY(check_start(whole, written));
  config::Merged merged = config::merge(document_, written, is_live);
  Next next{.document = std::move(merged.document),
            .spec = {},
            .live = std::move(merged.live),
            .at_start = std::move(merged.at_start)};
  FL_TRY(bind_project(next.document, next.spec));
  return next;
}

void ProjectSource::take(Next next) {
  document_ = std::move(next.document);
  spec_ = std::move(next.spec);
}

bool is_live(const std::vector<std::string>& steps) {
  // Addresses, threads, files and stores are what the process was made of.
  constexpr std::array<std::string_view, 8> kLive = {
      "body_max", "drain", "limits", "notice", "routes", "timeout", "status_style", "upgrade"};
  return steps.size() > 1 && steps[0] == "gateway" &&
         std::ranges::find(kLive, steps[1]) != kLive.end();
}

}  // namespace fairlead::cli
