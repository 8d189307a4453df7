// Process: what one program that uses Fairlead is made of. App and Runtime stand on it.
//
//   main thread: build ─► start() ─► wait for a signal or the task's end ─► stop()
//                                      └ USR2 ─► a new program takes over ──┘
//   core threads: loops with a Peer each; the first core also owns store, registry and admin
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/admin/server.h"
#include "fairlead/async/cancel.h"
#include "fairlead/base/result.h"
#include "fairlead/codec/codec.h"
#include "fairlead/config/document.h"
#include "fairlead/contract/type_info.h"
#include "fairlead/io/core_group.h"
#include "fairlead/observe/log.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/runtime/core_watch.h"
#include "fairlead/runtime/drain_state.h"
#include "fairlead/runtime/end_bound.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/runtime/succession.h"
#include "fairlead/service/links_page.h"
#include "fairlead/service/live_settings.h"
#include "fairlead/service/plugin_list.h"
#include "fairlead/service/pool.h"
#include "fairlead/service/reload_desk.h"
#include "fairlead/service/served_port.h"
#include "fairlead/service/session_hub.h"
#include "fairlead/service/spec.h"
#include "fairlead/service/tls_keeper.h"
#include "fairlead/store/store.h"
#include "fairlead/upstream/registry.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {

// One service that this program calls, with its upstream on every core.
// Thread: on() and next_core() from any. Lifetime: the process's.
class Target {
 public:
  explicit Target(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  // What calls with an argument of this type use when they name no codec; none: its own.
  std::optional<codec::CodecId> codec_for(const contract::TypeInfo& type) const;
  // The upstream of the core that runs on this thread; null on other threads.
  upstream::Service* on_this_core() const;
  // A core for a call that comes from a thread without one; round robin.
  io::Core& next_core() const;

 private:
  friend class Process;
  struct Place {
    io::Core* core;
    std::unique_ptr<upstream::Service> service;
  };
  const std::string name_;
  // Of calls that name none; none: that of the argument's type.
  std::atomic<std::optional<codec::CodecId>> codec_{};
  ClientOptions told_{};                        // by the code, below the settings
  upstream::EndpointSnapshot endpoints_{};      // where it is called by address; null: registry
  std::shared_ptr<const io::TlsHolder> tls_{};  // that its services use; null: none
  std::vector<Place> places_;
  mutable std::atomic<std::size_t> next_{0};
};

// Thread: the main thread, which runs no core.
class Process {
 public:
  explicit Process(std::string name);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  rpc::Router& router() { return router_; }         // to be filled before start()
  rpc::PluginChain& plugins() { return plugins_; }  // of all routes and sessions; before start()
  observe::Registry& metrics() { return metrics_; }
  runtime::Protection& protection() { return *protection_; }  // after start()
  // Keys of secure bodies, before start(); the setting `secure` has the last word.
  void use_keys(rpc::SecureKeys keys, bool required) {
    FL_CHECK(!started());
    secure_ = std::make_unique<rpc::SecureBodies>(std::move(keys), required);
  }
  // Declares a pool, before start(). A name that is there already gives that pool.
  Pool add_pool(std::string_view name, PoolOptions options);

  // The hub of all sessions; without it nobody keeps a list of them. First asked for before
  // start().
  Hub& sessions() {
    FL_CHECK(hub_ != nullptr || !started());
    if (hub_ == nullptr) hub_ = std::make_unique<Hub>();
    return *hub_;
  }

  // Makes log, cores, peers and store, reads the certificates of the spec, and starts the threads.
  // Takes the listening sockets of the process before this one, or of the service manager.
  // Idempotent: after a failure with parts that were made it fails the same way.
  // Errors: those of runtime::Succession::begin(); those of start_thread();
  //         io::CoreGroup::make(), store::open(), observe, runtime::WorkerPool::make();
  //         those of io::TlsContext::make(), with the section of the spec in front;
  //         kBadMessage `service.unknown_pool`: the spec names a pool that nobody declared;
  //         `store.bad_url`, `secure.file` and others of files that the spec names; each with its
  //         key, and its place where `source` has it;
  //         kConflict `plugin.taken`, and whatever a plugin says against peers and routes.
  // `source`: where the spec comes from, to be read again on HUP; null: it is not.
  Status start(Spec spec, std::shared_ptr<SpecSource> source = nullptr);
  bool started() const { return cores_ != nullptr; }

  // Opens the listeners of the spec, or `otherwise` when it has none, the admin listener, and, when
  // `discover`, the registry's record. Errors: `address.bad`, `protocol.unknown`, `listen.*`,
  // `admin.*`, `store.*`, `service.*`; kInvalidOperation `service.no_certificate`: a listener
  // speaks TLS and the spec has no certificate; `service.pid_file`: it cannot be written;
  // kCancelled `upgrade.called_off`: the process before this one goes on.
  Status serve(bool discover, const std::vector<std::string>& otherwise = {});
  // What a program opens that only calls: the admin listener of the spec. Idempotent. After
  // start(), in the place of serve(). Errors: kInvalidOperation `service.serves_nothing`: the spec
  // names addresses to listen on; `address.bad`, `admin.*`, those of io::Core::listen().
  Status serve_nothing();
  // Where it serves, in the order of the spec; after serve().
  std::vector<io::Address> addresses() const;
  // A service by its name in the registry, or by addresses ("127.0.0.1:9090,tls://127.0.0.1:9091").
  // The spec's `clients` override `options`; who asks for the same name again gets the same target,
  // whatever the options. Errors: kInvalidOperation `client.no_store`; `address.bad`,
  // `service.bad_name`, `protocol.unknown`; those of io::TlsContext::make().
  Result<Target*> target(std::string_view name_or_addresses, const ClientOptions& told = {});

  // A session to one address, in the hub. Errors: those of Hub::dial() and `address.bad`,
  // `protocol.unknown`; those of io::TlsContext::make().
  Result<SessionRef> dial(std::string_view address, const ClientOptions& told);

  // Runs a task on the first core and waits for its end. False: INT or TERM came first, which the
  // task hears by stopping(); it ends before stop() does.
  bool run(Task<void> task);
  // Cancelled when a signal ended run(). Thread: the first core.
  CancelToken stopping() const { return stopping_.token(); }
  // Waits for INT or TERM, or until another process has taken over.
  void wait_for_signal();
  // Drains: out of the registry, no new connections, running calls end, then everything closes.
  // When another process has taken over, its registry's record and its sockets are not touched.
  // What has not ended within runtime::EndBound::of() the process does not wait for: it ends
  // with 1.
  void stop();
  // Calls that were still served when their time was over, and were cut; after stop().
  std::uint64_t calls_cut() const { return drain_state_.calls_cut(); }

 private:
  struct Waiting;
  using Phase = runtime::DrainState::Phase;

  // How the code has it served, for who asks whether it could be started again.
  struct Served {
    bool nothing = false;  // it only calls
    bool discover = false;
    std::vector<std::string> otherwise{};
  };

  Status make_parts(Spec spec, std::shared_ptr<SpecSource> source);

  // process_check.cc. `written`: where the spec stands, for places.
  Status check_start(const Spec& spec, const config::Document& written) const;
  Status check_certificates(const Spec& spec, const config::Document& written) const;
  Status check_serving(const Spec& spec, const config::Document& written, const Served& how) const;
  Status check_again(const Spec& whole, const config::Document& written);
  // That calls could be made to them, as the spec says how.
  static Status check_addresses(const Spec& spec, const std::string& addresses);

  Status make_log(const Spec& spec);
  Status make_tls();
  // Of all clients of these settings, so that a mistake is told before somebody calls.
  Result<std::vector<std::shared_ptr<const io::TlsHolder>>> client_tls(
      const Spec& spec, const config::Document& written);
  Result<TakeRead> prepare_clients(const Spec& next, const config::Document& written);
  Status make_peers();
  Status make_plugins(rpc::PeerOptions& options);
  Status make_secure();
  // Whether HUP has a meaning: files that may be replaced while the program runs.
  bool rereads_files() const;
  // What HUP asks for, on a thread that may block, one after the other: from here to
  // apply_log_level().
  Result<TakeRead> reread_keys();
  bool reload();
  void reloaded(std::vector<Status> certificates);
  void apply(const std::shared_ptr<const Spec>& before, const std::shared_ptr<const Spec>& now);
  void apply_log_level(const Spec& now);
  Status make_pools();
  Result<PoolOptions> pool_options(const Spec& spec, const internal::PoolPlaces& places) const;
  Status check_pool(const Spec& spec, const std::string& name) const;
  Result<TakeRead> prepare_pools(const Spec& next);
  Result<TakeRead> prepare(const Spec& next, const config::Document& written);
  static runtime::CoreWatch::Options watch_options(const Spec& spec);
  Status watch_cores();
  Status watch_memory();
  Task<Status> watch_signals();
  void on_signal(int signal);
  void told_to_end(bool taken_over);  // any thread
  void end_serving();                 // wakes the main thread
  void upgrade(pid_t asker);
  static std::vector<ListenSpec> listeners_of(const Spec& spec,
                                              const std::vector<std::string>& otherwise);
  Result<std::vector<ListenPlan>> plan_listeners(const std::vector<std::string>& otherwise) const;
  static Result<ListenPlan> plan_listener(const Spec& spec, const ListenSpec& listen);
  // The one whose address the registry tells.
  Result<const ListenPlan*> called_of(const std::vector<ListenPlan>& plans) const;
  Status check_listens_nowhere(const Spec& spec) const;
  static Status no_store_for(std::string_view service);
  Task<Status> listen_all(std::vector<ListenPlan>& plans,
                          const std::vector<internal::ServedPort*>& ports);
  Task<Status> begin_serving(std::optional<upstream::Record> record);
  Result<internal::ServedPort*> make_port(const ListenPlan& plan);
  Task<Status> open_port(internal::ServedPort& port, std::size_t index);
  Status listen(ListenPlan& plan, internal::ServedPort& port);
  Status open_admin();
  Task<Status> open_admin_of_a_caller();
  // For the page /links: process_links.cc.
  void enter(Phase phase, std::string_view reason) { drain_state_.enter(phase, reason); }
  CoreLinks look_at_core(std::size_t index, const LinksQuery& query);
  ProcessState state() const;
  LinksSources links_sources();
  Task<Status> register_self(upstream::Record record);
  Task<void> run_and_tell(Task<void> task);
  Duration notice_of(const Spec& spec, bool taken_over) const;
  Task<Status> give_back();
  Task<Status> settle_who_ends(bool* taken_over);
  Task<Status> leave_registry();
  Task<Status> announce_going(std::size_t index);
  Task<Status> close_listeners(Duration notice);
  Task<Status> wait_for_leaving(std::size_t index, Deadline deadline);
  bool still_here(std::size_t index);
  Task<Status> drain(std::size_t index, Deadline deadline);
  void tell_drained(const Status& drained);
  Task<void> close_http(std::size_t index, Deadline deadline, Status* ended);
  Task<Status> close_calling(std::size_t index, Deadline deadline);
  Task<Status> close_pools(std::size_t index, Deadline deadline);
  Task<Status> close_first(Deadline deadline);
  runtime::Unended unended();
  // Runs a task on a core while this thread, which runs none, waits for it.
  static Status run_on(io::Core& core, Task<Status> task);
  // The same on all cores at once; gives the first error.
  template <class MakeTask>
  Status run_on_all(MakeTask make_task);
  Result<upstream::Record> record_of(const std::vector<ListenPlan>& bound) const;
  // How something is called by these settings.
  struct Calling {
    std::optional<codec::CodecId> codec{};
    upstream::ServiceOptions options{};
    std::shared_ptr<const io::TlsHolder> tls{};  // that of `options`
    bool redial = true;
    std::optional<rpc::DeliveryMode> delivery{};  // none: as resend.mode says at the moment
  };
  Result<Calling> calling_by(const Spec& spec, std::string_view name, ClientOptions told,
                             const upstream::EndpointSnapshot& endpoints);

  Status add_target(std::unique_ptr<Target> target);
  Task<Status> dial_on_this_core(io::Address address, HubDial how, std::optional<SessionRef>* out);

  const std::string name_;
  Spec spec_;  // as it was at the start; what may have changed is asked of `settings_`
  config::Document written_;  // where that stands, for places; empty: the code said it
  observe::Registry metrics_;
  std::unique_ptr<LiveSettings> settings_;
  observe::Transitions transitions_;
  runtime::DrainState drain_state_;
  std::unique_ptr<observe::Logger> logger_;
  std::unique_ptr<observe::ScopedDefaultLogger> default_logger_;
  rpc::Router router_;
  rpc::PluginChain plugins_;
  std::set<std::string> own_plugins_;  // names of those of the code; after start()
  std::vector<std::function<Status()>> before_serving_;  // of plugins
  wire::TransformSet transforms_;
  std::unique_ptr<rpc::SecureBodies> secure_;        // null: this program has no keys
  std::unique_ptr<internal::TlsKeeper> tls_;         // all certificates of the process
  std::shared_ptr<const io::TlsHolder> listen_tls_;  // null: no certificate to listen with
  std::vector<std::shared_ptr<const io::TlsHolder>> client_tls_;
  internal::TlsFailures tls_failures_;
  upstream::DialLimits dial_limits_;
  upstream::Metrics link_metrics_;
  rpc::ResendBudget resend_budget_;                 // of all lines
  std::unique_ptr<rpc::DuplicateWindows> windows_;  // of what comes again
  std::unique_ptr<Hub> hub_;                        // null: nobody asked for it
  // The place of another process, or of this one by a new program. Made at once, before somebody
  // changes the folder. Of the first core.
  runtime::Succession succession_;
  std::unique_ptr<runtime::Protection> protection_;
  std::unique_ptr<io::CoreGroup> cores_;
  // One of each per core: ours to be called, ours to call. Draining ends the first, then the other.
  std::vector<std::unique_ptr<rpc::Peer>> serving_;
  std::vector<std::unique_ptr<rpc::Peer>> calling_;
  std::vector<std::unique_ptr<upstream::DialLine>> dial_lines_;  // one per core
  std::map<std::string, std::unique_ptr<internal::PoolPlaces>, std::less<>> pools_;
  std::unique_ptr<runtime::CoreWatch> watch_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<upstream::Directory> directory_;
  std::unique_ptr<upstream::Registrar> registrar_;
  std::unique_ptr<admin::Server> admin_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  // Held to add to them, and to read them on any thread but main's, which adds.
  Mutex parts_mutex_;
  std::vector<std::unique_ptr<internal::ServedPort>> ports_;
  std::map<std::string, std::unique_ptr<Target>, std::less<>> targets_;
  std::optional<Served> served_ FL_GUARDED_BY(parts_mutex_);  // none: not yet
  // Held while settings are read and while a target is made of them: none is made of old ones.
  // Taken before parts_mutex_.
  Mutex settling_mutex_;
  std::unique_ptr<ReloadDesk> reload_desk_;  // null: HUP has no meaning
  std::uint64_t reading_ = 0;                // of the desk; both on the thread that reads
  ReloadOutcome outcome_;
  Status start_;           // what start() said
  CancelSource stopping_;  // the first core's
  std::unique_ptr<runtime::EndBound> bound_;
  std::unique_ptr<Waiting> waiting_;  // signals, and the main thread that waits for them
  std::size_t next_dial_ = 0;         // on which core
  // Of the first core.
  bool ready_ = false;     // serving and not draining, or about to in the place of one that serves
  bool draining_ = false;  // a signal came
};

// What is wrong with the files of a client, at the key that names the file.
Status blame_client_tls(const config::Document& written, const Spec& spec, const std::string& name,
                        const Status& told);

}  // namespace fairlead::service
