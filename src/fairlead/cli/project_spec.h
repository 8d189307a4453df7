// ProjectSpec: the file that `fairlead up` and `fairlead gateway` read. docs/reference/cli.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/changes.h"
#include "fairlead/config/document.h"
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

// The layers of a project: a file, over it the variables FAIRLEAD_STORE and FAIRLEAD_GATEWAY__*,
// over them `settings` ("gateway.listen=127.0.0.1:80"). The gateway's store is then the one of the
// file, if it has none of its own.
//
// Checked is also what a start needs of the files that it names, so that a file which is good can
// be started with; and that a store is named, where one is needed.
//
// A gateway that runs takes over what can change live, and nothing else: what counts is a mixture.
// Thread: like a standard container.
class ProjectSource {
 public:
  enum class Store : std::uint8_t { kOptional, kNeeded };

  // Reads them; this blocks, as read_again() does. Errors: those of config::load_file(),
  // config::Document, config::bind(), store::check(), runtime::check_pid_file(), with their places;
  // `config.missing_key`: the store.
  static Result<ProjectSource> read(std::string file, std::vector<std::string> settings,
                                    Store store = Store::kOptional);

  const ProjectSpec& spec() const { return spec_; }
  const std::string& file() const { return file_; }

  struct Next {
    config::Document document;
    ProjectSpec spec;
    std::vector<config::Change> live;      // of keys that count from now on
    std::vector<config::Change> at_start;  // of those that count at the next start
  };
  // What the layers say now, with the environment of the start. Errors: as read().
  Result<Next> read_again() const;
  void take(Next next);

 private:
  ProjectSource(std::string file, std::vector<std::string> settings, Store store)
      : file_(std::move(file)), settings_(std::move(settings)), store_(store), document_("") {}
  Result<config::Document> read_layers() const;
  Status check_start(const ProjectSpec& spec, const config::Document& written) const;

  std::string file_;
  std::vector<std::string> settings_;
  Store store_;
  config::Environment environment_{};
  config::Document document_;  // what counts
  ProjectSpec spec_;
};

// Whether the value at these keys counts when a gateway's file is read again.
bool is_live(const std::vector<std::string>& steps);

// Variables that are meant for this program and not for the services that it starts.
inline constexpr std::string_view kGatewayVariables = "FAIRLEAD_GATEWAY__";

}  // namespace fairlead::cli
