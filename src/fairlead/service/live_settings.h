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
#include "fairlead/config/document.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/reload_outcome.h"
#include "fairlead/service/reread.h"
#include "fairlead/service/served_port.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {

// What of one core follows the settings.
struct LiveCore {
  rpc::Peer& serving;
  rpc::Peer& calling;
  std::vector<upstream::Service*> services{};  // that are called from it
  std::vector<internal::ServedPort*> ports{};  // that have a part on it
  std::size_t index = 0;                       // of this one
  std::size_t cores = 1;                       // of the process, which share some limits
};

// What must hold of settings together, beyond what is checked key by key. Errors: those of the
// options' validate().
Status check_settings(const Spec& spec);

// Tells the components of this core what changed from `before` to `now`. What a component was told
// otherwise, by a plugin for one, stays where the settings say the same as before.
// Thread: the core's. Cost: that of the updates.
void apply_on_core(const Spec& before, const Spec& now, const LiveCore& core);

// The same for the options of peers alone, value by value. Heartbeats stay where those of a plugin
// and those of the settings do not go together.
rpc::PeerOptions with_changes(rpc::PeerOptions options, const rpc::PeerOptions& before,
                              const rpc::PeerOptions& now);

// What peers of one core go by: what the settings say, with its share of what the process may have.
rpc::PeerOptions limits_of(const Spec& spec, std::size_t cores);

// What it counts and logs: ReloadReport.
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
  // Asked whether a start could do with all that is written, of which a part may not count now.
  // Errors: nothing changes. Before the first reload().
  using Check = std::function<Status(const Spec& whole, const config::Document& written)>;
  void check_by(Check check) { check_ = std::move(check); }
  // Reads and checks what the next spec names, before it counts: the files of clients, for one.
  // Errors: nothing changes. Before the first reload().
  using Prepare =
      std::function<Result<TakeRead>(const Spec& next, const config::Document& written)>;
  void prepare_by(Prepare prepare) { prepare_ = std::move(prepare); }

  // Reads all again, and lets it count if all is good: `apply` is called when something of the
  // configuration changed. Errors in the outcome: nothing changed. One thread at a time.
  ReloadOutcome reload(const Apply& apply) FL_EXCLUDES(mutex_);

 private:
  LiveSettings(Spec spec, std::shared_ptr<SpecSource> source)
      : source_(std::move(source)), now_(std::make_shared<const Spec>(std::move(spec))) {}
  Status read_all(const Apply& apply, ReloadOutcome& outcome) FL_EXCLUDES(mutex_);

  const std::shared_ptr<SpecSource> source_;
  std::vector<Reread> rereads_;
  Check check_;
  Prepare prepare_;
  ReloadReport report_;
  mutable Mutex mutex_;
  std::shared_ptr<const Spec> now_ FL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::service
