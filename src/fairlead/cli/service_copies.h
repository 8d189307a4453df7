// ServiceCopies: the copies of services that `fairlead up` has started.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/scope.h"
#include "fairlead/base/result.h"
#include "fairlead/cli/project_spec.h"
#include "fairlead/io/core.h"
#include "fairlead/runtime/child_process.h"

namespace fairlead::cli {

// Thread: the core's. Lifetime: stop() must have ended before destruction, or nothing run.
class ServiceCopies {
 public:
  // Each line goes to `tell`: what a copy writes, with its name in front, and how it ended.
  ServiceCopies(io::Core& core, std::function<void(std::string_view line)> tell)
      : core_(core), tell_(std::move(tell)) {}

  // Starts the copies of `service`: its command with --listen, --store and --log-level behind it.
  // Errors: those of runtime::ChildProcess::start().
  Status start(const ServiceSpec& service, const std::string& store, const std::string& log_level);

  // The processes of `service` that run.
  std::vector<pid_t> pids(std::string_view service) const;
  // OK while every copy runs; else how the first one that does not has ended.
  // Errors: kInternal `up.copy_ended`.
  Status all_running() const;

  // Asks all of them to end, at once, and kills those that have not by `deadline`.
  Task<void> stop(Deadline deadline);

 private:
  struct Copy {
    std::string service;
    std::string name;  // "math-1"
    std::unique_ptr<runtime::ChildProcess> process;
    std::string ended;  // how; empty while it runs
  };

  Status start_one(const ServiceSpec& service, const std::string& name,
                   const runtime::ChildOptions& options);
  static Task<void> stop_one(Copy& copy, Deadline deadline);

  io::Core& core_;
  const std::function<void(std::string_view line)> tell_;
  std::vector<std::unique_ptr<Copy>> copies_;
  bool stopping_ = false;
  Scope scope_;
};

}  // namespace fairlead::cli
