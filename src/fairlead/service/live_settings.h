// LiveSettings: what of a program's settings changes while it runs, and who hears of it.
//
//   HUP ─► reload(), on a thread that may block
//            read the file, check, compare ─┐   all of it is good, or nothing changes
//            read what else comes from files┘
//            ─► now() is another Spec ─► log, watch of cores ─► each core: apply_on_core()
//
// To make a component follow its settings: mark its keys in setting_table.cc, give it an update()
// for its owner's core, and call that in apply_on_core().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/reread.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {

// What of one core follows the settings.
struct LiveCore {
  rpc::Peer& serving;
  rpc::Peer& calling;
  std::vector<upstream::Service*> services{};  // that are called from it
  std::size_t cores = 1;                       // of the process, which share some limits
};

// What must hold of settings together, beyond what is checked key by key. Errors: those of the
// options' validate().
Status check_settings(const Spec& spec);

// Tells the components of this core what changed from `before` to `now`. What a component was told
// otherwise, by a plugin for one, stays where the settings say the same as before.
// Thread: the core's. Cost: that of the updates.
void apply_on_core(const Spec& before, const Spec& now, const LiveCore& core);

// The same for the options of peers alone.
rpc::PeerOptions with_changes(rpc::PeerOptions options, const rpc::PeerOptions& before,
                              const rpc::PeerOptions& now);

// Metrics: fairlead_service_config_reloads_total, fairlead_service_config_reloads_failed_total,
//   fairlead_service_config_waiting_keys.
// Log: `config.reloaded` (info) with what changed, `config.needs_restart` (warn) with keys that
//   count at the next start, `config.not_reloaded` (error) with the place of the mistake.
class LiveSettings {
 public:
  using Apply =
      std::function<void(std::shared_ptr<const Spec> before, std::shared_ptr<const Spec> now)>;

  // `source`: of `spec`; null: nothing but the files of `rereads` is read again.
  // Errors: those of observe::Registry.
  static Result<std::unique_ptr<LiveSettings>> make(Spec spec, std::shared_ptr<SpecSource> source,
                                                    observe::Registry& metrics);

  // What counts at this moment. Thread: any.
  std::shared_ptr<const Spec> now() const FL_EXCLUDES(mutex_);
  // HUP has a meaning for the configuration.
  bool has_file() const;
  // Files beside the configuration. Before the first reload().
  std::vector<Reread>& rereads() { return rereads_; }

  // Reads all again, and lets it count if all is good: `apply` is called when something of the
  // configuration changed. False: nothing changed. One thread at a time.
  bool reload(const Apply& apply) FL_EXCLUDES(mutex_);

 private:
  LiveSettings(Spec spec, std::shared_ptr<SpecSource> source)
      : source_(std::move(source)), now_(std::make_shared<const Spec>(std::move(spec))) {}
  Status read_all(const Apply& apply) FL_EXCLUDES(mutex_);

  const std::shared_ptr<SpecSource> source_;
  std::vector<Reread> rereads_;
  observe::Counter reloads_;
  observe::Counter failures_;
  observe::Gauge waiting_keys_;
  mutable Mutex mutex_;
  std::shared_ptr<const Spec> now_ FL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::service
