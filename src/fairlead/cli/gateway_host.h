// GatewayHost: everything that a process with a gateway in it consists of.
//
//   main thread: first core ─┬ store ─► Directory ─► Gateway::update()
//                            ├ listener, admin
//   other cores: threads     └ workers of the gateway, one per core
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/admin/server.h"
#include "fairlead/base/result.h"
#include "fairlead/gateway/gateway.h"
#include "fairlead/io/core_group.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/runtime/end_bound.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/runtime/succession.h"
#include "fairlead/service/links_page.h"
#include "fairlead/store/store.h"
#include "fairlead/upstream/registry.h"

namespace fairlead::cli {

// Thread: main's, which also runs the first core: core().run(task). Lifetime: destroyed after
// close() has ended.
class GatewayHost {
 public:
  // Makes all parts and starts the threads. `spec` names a store.
  // Errors: those of runtime::Succession::begin(), io::Core::make(), store::open(),
  // runtime::Protection::make(), gateway::Gateway::make(), start_thread().
  static Result<std::unique_ptr<GatewayHost>> make(gateway::GatewaySpec spec);
  GatewayHost(const GatewayHost&) = delete;
  GatewayHost& operator=(const GatewayHost&) = delete;
  ~GatewayHost();

  io::Core& core() { return *core_; }
  // As it counts now: update() changes it.
  const gateway::GatewaySpec& spec() const { return spec_; }
  observe::Registry& metrics() { return metrics_; }
  gateway::Gateway& gateway() { return *gateway_; }
  upstream::Directory& directory() { return *directory_; }

  // Follows the services in the registry. On the first core, like all below. Errors: those of
  // upstream::Directory::follow().
  Status follow();
  // Other rules for what comes from now on: `drain`, `notice`, `upgrade_ready_timeout`, `limits`,
  // and what gateway::Gateway::update() takes. Errors: its own, and then nothing has changed.
  Status update(gateway::GatewaySpec spec);
  // A page for the admin listener; lost where there is none. Before listen(); what it stands for
  // outlives close().
  void add_page(admin::Page page) { pages_.push_back(std::move(page)); }
  // Opens the addresses. Errors: `listen.*`, `admin.*`.
  Status listen();
  const io::Address& address() const { return address_; }
  std::string admin_address() const;  // empty without admin listener

  // The place of another gateway, and of this one by the next.
  runtime::Succession& succession() { return succession_; }

  // Lets who is connected leave by itself for a moment, then requests under way end for as long as
  // the spec's `drain` says, then closes everything. Once. What was cut is in the log, and counted.
  // `failed`: it was not to serve yet, so nobody needs a notice.
  // What it has borrowed of another gateway is given back before all else.
  // What has not ended within runtime::EndBound::of() is not waited for: the process ends with 1.
  Task<void> close(bool failed);
  // That time runs from here on, also when this core hangs before close(). Any thread.
  void told_to_end(bool taken_over);
  // Requests that were cut off; after close().
  std::uint64_t requests_cut() const { return gateway_->drain_state().calls_cut(); }

 private:
  explicit GatewayHost(gateway::GatewaySpec spec)
      : spec_(std::move(spec)), notice_(spec_.notice), drain_(spec_.drain) {}
  service::LinksSources links_sources();
  Task<void> give_back();
  Duration notice(bool failed) const;
  Task<void> leave(bool taken_over, Duration notice);
  service::CoreLinks look_at_core(std::size_t index, const service::LinksQuery& query);

  gateway::GatewaySpec spec_;
  std::atomic<Duration> notice_;  // those of the spec, for other threads
  std::atomic<Duration> drain_;
  std::set<std::string, std::less<>> followed_;
  std::vector<admin::Page> pages_;
  std::vector<io::Core*> cores_;
  observe::Registry metrics_;
  observe::Transitions transitions_;
  runtime::Succession succession_;  // of the first core
  std::unique_ptr<runtime::Protection> protection_;
  std::unique_ptr<io::Core> core_;
  std::unique_ptr<io::CoreGroup> others_;  // null with one core
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<upstream::Directory> directory_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<runtime::EndBound> bound_;  // looks at the gateway
  std::unique_ptr<admin::Server> admin_;
  io::Address address_;
  io::Address admin_address_;
};

}  // namespace fairlead::cli
