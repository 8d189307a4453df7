// What became of a reading of the configuration: for the log, the metrics and who asked for it.
#pragma once

#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/changes.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::service {

// A change for people: secrets are `***`, long values cut, control bytes escaped.
struct ShownChange {
  std::string key{};
  std::string before{};  // "(not set)": it was not written
  std::string after{};
};
ShownChange shown(const config::Change& change, bool secret);
// "limits.call_timeout: 250ms -> 1s"
std::string to_text(const ShownChange& change);

struct ReloadOutcome {
  std::string file{};                        // empty: no configuration is read, only other files
  std::vector<ShownChange> changed{};        // count from now on
  std::vector<ShownChange> at_next_start{};  // of keys that need a restart
  // What is wrong. Of the configuration: nothing has changed then. Of certificates: those stay.
  std::vector<Status> errors{};

  bool ok() const { return errors.empty(); }
};

// {"ok":true,"file":"math.yaml","changed":[{"key":"drain","before":"10s","after":"20s"}],
//  "needs_restart":[],"errors":[{"reason":"config.bad_value","message":"..."}]}
std::string to_json(const ReloadOutcome& outcome);

// Counts and logs outcomes. Copy freely.
// Metrics: fairlead_service_config_reloads_total, fairlead_service_config_reloads_failed_total,
//   fairlead_service_config_waiting_keys.
// Log: `config.reloaded` (info) with what changed, `config.needs_restart` (warn) with keys that
//   count at the next start, `config.not_reloaded` (error) with the places of the
//   mistakes, in up to 8 records, and how many are more than that.
class ReloadReport {
 public:
  // Errors: those of observe::Registry.
  static Result<ReloadReport> make(observe::Registry& metrics);

  // Of one reading, without certificates, which speak for themselves.
  void tell(const ReloadOutcome& outcome) const;

 private:
  observe::Counter reloads_;
  observe::Counter failures_;
  observe::Gauge waiting_keys_;
};

}  // namespace fairlead::service
