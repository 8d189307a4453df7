// GatewayReload: a gateway's project file, read again while it runs.
//
//   HUP, POST /config/reload ─► ask() ─► a thread: read, check, compare
//                                             └─► first core: GatewayHost::update(), log, answer
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/cli/gateway_host.h"
#include "fairlead/cli/project_spec.h"
#include "fairlead/runtime/signals.h"
#include "fairlead/service/reload_desk.h"
#include "fairlead/service/reload_outcome.h"

namespace fairlead::cli {

// Thread: the host's first core. Lifetime: the host outlives it; end() before destruction.
class GatewayReload {
 public:
  // `ignored`: sections of the file that mean nothing to this command. Adds its page to the host's
  // admin listener. Errors: those of observe::Registry.
  static Result<std::unique_ptr<GatewayReload>> make(GatewayHost& host, ProjectSource source,
                                                     std::vector<std::string_view> ignored = {});
  ~GatewayReload();
  GatewayReload(const GatewayReload&) = delete;
  GatewayReload& operator=(const GatewayReload&) = delete;

  // Reads it soon; once more when it is being read already.
  void ask();
  // HUP of a process asks for a reading. HUP of the system says that the terminal is gone: that
  // ends the command, as it always did, unless somebody wants it ignored (nohup). True: there is
  // nothing more to do about this signal.
  bool takes(int signal, const runtime::SignalWatcher& signals);
  // Nothing is read any more. Waits for the file that is being read. Idempotent.
  void end();

 private:
  GatewayReload(GatewayHost& host, ProjectSource source, std::vector<std::string_view> ignored);
  void begin();
  void ended(Result<ProjectSource::Next> next, std::uint64_t number);
  void tell(Result<ProjectSource::Next> next, std::uint64_t number);
  service::ReloadOutcome outcome_of(Result<ProjectSource::Next> next);

  GatewayHost& host_;
  ProjectSource source_;  // not changed while it is read
  const std::vector<std::string_view> ignored_;
  service::ReloadReport report_;
  service::ReloadDesk desk_;
  std::thread thread_;  // joinable: it reads
  bool again_ = false;
  bool over_ = false;
  const std::shared_ptr<bool> here_ = std::make_shared<bool>(true);  // for letters
};

}  // namespace fairlead::cli
