// ProjectSpec: the file that `fairlead up` and `fairlead gateway` read. docs/reference/cli.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/reader.h"
#include "fairlead/gateway/spec.h"

namespace fairlead::cli {

// A service of which `fairlead up` starts copies.
struct ServiceSpec {
  std::string name{};                  // under which the program registers
  std::vector<std::string> command{};  // program and arguments; relative to the working folder
  std::uint32_t copies = 1;            // 1 .. 64
};

struct ProjectSpec {
  std::string store{};  // for all parts; empty: not said
  gateway::GatewaySpec gateway{};
  std::vector<ServiceSpec> services{};
  // Lines that `fairlead up` prints when all is ready; {gateway}, {admin} and {store} are replaced.
  std::vector<std::string> hints{};
};

// Found by config::bind(). Errors: those of config::ObjectReader and gateway::read();
// `service.bad_name`, `config.bad_value`.
Status read(const config::Value& value, ServiceSpec& out);
Status read(const config::Value& value, ProjectSpec& out);

// Reads `file`, over it the variables FAIRLEAD_STORE and FAIRLEAD_GATEWAY__*, over them `settings`
// ("gateway.listen=127.0.0.1:80"). The gateway's store is then the one of the file, if it has none
// of its own.
Result<ProjectSpec> load_project(const std::string& file, const std::vector<std::string>& settings);

// Variables that are meant for this program and not for the services that it starts.
inline constexpr std::string_view kGatewayVariables = "FAIRLEAD_GATEWAY__";

}  // namespace fairlead::cli
