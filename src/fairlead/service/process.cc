#include "fairlead/service/process.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/async_log_sink.h"
#include "fairlead/runtime/service_manager.h"
#include "fairlead/runtime/signals.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

// What a thread waits for while a core runs a task for it.
struct Box {
  Mutex mutex;
  CondVar arrived;
  std::optional<Status> status FL_GUARDED_BY(mutex);

  Status wait() {
    MutexLock lock(mutex);
    while (!status.has_value()) arrived.wait(mutex);
    return *status;
  }
};

Task<void> deliver(Task<Status> task, Box* box) {
  Status status = co_await task;
  MutexLock lock(box->mutex);
  box->status = std::move(status);
  box->arrived.notify_all();
}

// Starts `task` on `core`; the box must be waited for.
std::unique_ptr<Box> begin_on(io::Core& core, Task<Status> task) {
  auto box = std::make_unique<Box>();
  const auto moved = std::make_shared<Task<Status>>(std::move(task));
  core.post([&core, moved, to = box.get()] { core.spawn(deliver(std::move(*moved), to)); });
  return box;
}

// Whoever heard that we leave has so much time to do it by itself.
constexpr Duration kLeavingTime = 500ms;
// The same where another process serves already: nobody waits for our end.
constexpr Duration kHandedOverTime = 2s;

}  // namespace

struct Process::Waiting {
  std::unique_ptr<runtime::SignalWatcher> watcher;
  Mutex mutex;
  CondVar changed;
  bool signalled FL_GUARDED_BY(mutex) = false;
  bool task_done FL_GUARDED_BY(mutex) = false;

  void tell(bool Waiting::* flag) {
    MutexLock lock(mutex);
    this->*flag = true;
    changed.notify_all();
  }
  // True: the task ended; false: a signal came first.
  bool wait(bool for_task) {
    MutexLock lock(mutex);
    while (!signalled && !(for_task && task_done)) changed.wait(mutex);
    return for_task && task_done;
  }
};

Process::Process(std::string name) : name_(std::move(name)) {}

Process::~Process() { stop(); }

Status Process::run_on(io::Core& core, Task<Status> task) {
  return begin_on(core, std::move(task))->wait();
}

template <class MakeTask>
Status Process::run_on_all(MakeTask make_task) {
  std::vector<std::unique_ptr<Box>> boxes;
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    boxes.push_back(begin_on(serving_[i]->core(), make_task(i)));
  }
  Status first;
  for (const auto& box : boxes) {
    Status status = box->wait();
    if (first.ok()) first = std::move(status);
  }
  return first;
}

Status Process::start(Spec spec) {
  if (started()) return {};
  spec_ = std::move(spec);
  if (rereads_files())
    runtime::block_signals({SIGUSR2, SIGHUP});
  else
    runtime::block_signals({SIGUSR2});
  FL_TRY(inherit_sockets());
  FL_TRY(spec_.limits.validate());
  FL_TRY(make_log());
  FL_TRY(make_tls());
  FL_TRY_ASSIGN(protection_, internal::Protection::make(spec_.protection, metrics_));
  FL_TRY_ASSIGN(cores_,
                io::CoreGroup::make(spec_.cores, {.spin = spec_.spin, .sockets = &sockets_}));
  FL_TRY(make_peers());
  FL_TRY(make_pools());
  FL_TRY(watch_cores());
  io::Core& first = cores_->first();
  if (!spec_.store.empty()) {
    FL_TRY_ASSIGN(store_, store::open(first, {.url = spec_.store}));
    directory_ = std::make_unique<upstream::Directory>(first, *store_);
  }
  waiting_ = std::make_unique<Waiting>();
  cores_->start();
  tls_->start();
  if (watch_ != nullptr) watch_->start();
  std::vector<rpc::Peer*> peers;
  for (const auto& peer : serving_) peers.push_back(peer.get());
  protection_->start(std::move(peers));
  return run_on(first, watch_signals());
}

Status Process::make_log() {
  if (spec_.log_level == "off") return {};
  observe::Logger::Options options;
  FL_CHECK(observe::parse_level(spec_.log_level, options.level));
  observe::AsyncLogSink::Options sink_options;
  if (spec_.log_form == "json") sink_options.form = observe::LogForm::kJson;
  FL_TRY_ASSIGN(auto sink, observe::AsyncLogSink::make(sink_options));
  logger_ = std::make_unique<observe::Logger>(std::move(options), std::move(sink));
  default_logger_ = std::make_unique<observe::ScopedDefaultLogger>(*logger_);
  return {};
}

Status Process::make_secure() {
  if (!spec_.secure.asked_for()) return {};
  FL_TRY_ASSIGN(rpc::SecureKeys keys, read_secure_keys(spec_.secure));
  secure_ = std::make_unique<rpc::SecureBodies>(std::move(keys), spec_.secure.required);
  rereads_.emplace_back([this] { reload_keys(); });
  return {};
}

bool Process::rereads_files() const {
  return !spec_.tls.certificates.empty() || spec_.secure.asked_for() ||
         std::ranges::any_of(spec_.plugins, &PluginSpec::rereads_files);
}

void Process::reload_keys() {
  Result<rpc::SecureKeys> keys = read_secure_keys(spec_.secure);
  if (!keys.ok()) {
    FL_LOG(error, "secure.not_reloaded", {"reason", keys.status().reason()},
           {"message", keys.status().message()});
    return;
  }
  secure_->replace(*std::move(keys));
  FL_LOG(info, "secure.reloaded");
}

// What the spec names is read now, so that a mistake is told at the start and not by the first
// call.
Status Process::make_tls() {
  tls_ = std::make_unique<internal::TlsKeeper>(metrics_);
  tls_->also_when_asked([this] {
    for (const auto& reread : rereads_) reread();
  });
  if (!spec_.tls.certificates.empty()) {
    // Who offers h2 and no more is refused in the handshake, not by the first request.
    if (spec_.tls.alpn.empty()) spec_.tls.alpn = {"http/1.1"};
    FL_TRY_ASSIGN(listen_tls_, tls_->add(io::TlsRole::kServer, "tls", spec_.tls, wall_ms()));
    FL_TRY_ASSIGN(tls_failures_,
                  metrics_.counter({"fairlead_tls_connections_failed_total",
                                    "Connections to our listeners that TLS ended."}));
  }
  for (const auto& [name, options] : spec_.clients) {
    const ClientTls tls = merged(client_defaults(), options).tls;
    if (tls.empty()) continue;
    FL_TRY(tls_->add(io::TlsRole::kClient, "clients." + name, tls_options_of(tls), wall_ms())
               .status());
  }
  return {};
}

Status Process::make_peers() {
  FL_TRY_ASSIGN(const rpc::Metrics metrics, rpc::Metrics::make(metrics_));
  FL_TRY(wire::add_builtin_transforms(transforms_));
  FL_TRY(make_secure());
  rpc::PeerOptions options = spec_.limits;
  options.transforms = &transforms_;
  options.bounds = &protection_->bounds();
  options.guards = internal::share_of(spec_.protection, options.guards, cores_->cores().size());
  options.secure = secure_.get();
  if (hub_ != nullptr) {
    options.watcher = &hub_->watcher();
    FL_TRY_ASSIGN(
        const observe::Counter skipped,
        metrics_.counter({"fairlead_service_broadcast_skipped_total",
                          "Sessions that a broadcast skipped: their peer does not read."}));
    hub_->set_options(
        {.broadcast_queue_bytes_max = spec_.broadcast_queue_bytes_max, .skipped = skipped});
  }
  FL_TRY(make_plugins(options));
  for (io::Core* core : cores_->cores()) {
    serving_.push_back(std::make_unique<rpc::Peer>(*core, router_, options, metrics));
    calling_.push_back(std::make_unique<rpc::Peer>(*core, router_, options, metrics));
    if (hub_ != nullptr) hub_->add_core(*calling_.back());
    for (rpc::Peer* peer : {serving_.back().get(), calling_.back().get()}) {
      FL_TRY(plugins_.ask<&rpc::Plugin::post_new_peer>(*peer));
    }
  }
  return {};
}

// Those of the code are there; those of the configuration come behind them.
Status Process::make_plugins(rpc::PeerOptions& options) {
  for (const PluginSpec& spec : spec_.plugins) {
    FL_TRY_ASSIGN(rpc::PluginHandle plugin, spec.make({*this, before_serving_, rereads_}));
    Status added = plugins_.add(std::move(plugin));
    if (!added.ok()) return std::move(added).with_context("the setting plugins");
  }
  if (!plugins_.empty()) options.plugins = &plugins_;
  rpc::NewPeer made{options, router_};
  FL_TRY(plugins_.ask<&rpc::Plugin::pre_new_peer>(made));
  FL_TRY(options.validate());
  return router_.announce(plugins_);
}

Pool Process::add_pool(std::string_view name, PoolOptions options) {
  FL_CHECK(!started());
  auto& places = pools_[std::string(name)];
  if (places == nullptr) {
    places = std::make_unique<internal::PoolPlaces>(std::string(name), options);
  }
  return Pool(*places);
}

Status Process::make_pools() {
  for (const auto& [name, told] : spec_.pools) {
    const auto declared = pools_.find(name);
    if (declared == pools_.end()) {
      std::vector<std::string_view> names;
      for (const auto& [known, places] : pools_) names.emplace_back(known);
      const std::string_view near = nearest_name(name, names);
      return Status(Code::kBadMessage, "service.unknown_pool",
                    "'" + name_ + "' has no pool '" + escape_text(name) + "'" +
                        (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?"));
    }
    PoolOptions& options = declared->second->options();
    options.threads = told.threads.value_or(options.threads);
    options.waiting_jobs_max = told.waiting_jobs_max.value_or(options.waiting_jobs_max);
  }
  for (const auto& [name, places] : pools_) FL_TRY(places->open(cores_->cores(), metrics_));
  return {};
}

Status Process::watch_cores() {
  if (spec_.stuck_after == Duration::zero()) return {};
  const runtime::CoreWatch::Options options{.stuck_after =
                                                std::max<Duration>(spec_.stuck_after, 10ms)};
  FL_TRY_ASSIGN(watch_, runtime::CoreWatch::make(cores_->cores(), options, metrics_));
  return {};
}

Task<Status> Process::watch_signals() {
  const auto on_one = [this](int signal) { on_signal(signal); };
  if (!rereads_files()) {
    FL_CO_TRY_ASSIGN(waiting_->watcher,
                     runtime::SignalWatcher::make(cores_->first(), on_one, {SIGUSR2}));
  } else {
    FL_CO_TRY_ASSIGN(waiting_->watcher,
                     runtime::SignalWatcher::make(cores_->first(), on_one, {SIGUSR2, SIGHUP}));
  }
  co_return Status();
}

void Process::on_signal(int signal) {
  if (signal == SIGHUP) return tls_->ask();
  if (signal == SIGUSR2) return upgrade(waiting_->watcher->sender());
  draining_ = true;
  if (upgrade_ != nullptr) upgrade_->call_off();
  end_serving();
}

void Process::end_serving() { waiting_->tell(&Waiting::signalled); }

// ---- running and ending
// --------------------------------------------------------------------------

Task<void> Process::run_and_tell(Task<void> task) {
  co_await task;
  waiting_->tell(&Waiting::task_done);
}

bool Process::run(Task<void> task) {
  io::Core& first = cores_->first();
  const auto moved = std::make_shared<Task<void>>(std::move(task));
  first.post([this, &first, moved] { first.spawn(run_and_tell(std::move(*moved))); });
  const bool ended = waiting_->wait(true);
  if (!ended) first.post([this] { stopping_.cancel(); });
  return ended;
}

void Process::wait_for_signal() { waiting_->wait(false); }

Task<Status> Process::leave_registry() {
  ready_ = false;
  draining_ = true;
  // The process before this one goes on with its sockets.
  if (predecessor_ != nullptr) sockets_.leave();
  if (registrar_ == nullptr) co_return Status();
  co_return co_await registrar_->close(cores_->first().deadline_after(1s));
}

Task<Status> Process::announce_going(std::size_t index) {
  serving_[index]->for_each_session(
      [](rpc::Session& session) { session.announce_going("closing"); });
  for (const auto& port : ports_) port->announce_close(index);
  co_return Status();
}

Task<Status> Process::close_listeners() {
  io::Core& first = cores_->first();
  if (successor_ == 0 && spec_.notice > Duration::zero()) {
    Status noticed = co_await Sleep(first.timers(), first.deadline_after(spec_.notice));
    if (!noticed.ok()) FL_LOG(debug, "service.notice_cut", {"reason", noticed.reason()});
  }
  for (auto& listener : listeners_) first.dispose(std::move(listener));
  listeners_.clear();
  co_return Status();
}

// Whoever may still leave by itself: callers that were told, or that watch the registry; HTTP's,
// with their next answer; and connections whose first bytes are on their way.
bool Process::still_here(std::size_t index) {
  for (const auto& port : ports_) {
    if (!port->quiet(index)) return true;
  }
  rpc::Peer& peer = *serving_[index];
  if (registrar_ != nullptr) return peer.session_count() > 0;
  bool told = false;
  peer.for_each_session([&told](rpc::Session& session) { told |= session.going_announced(); });
  return told;
}

Task<Status> Process::wait_for_leaving(std::size_t index, Deadline deadline) {
  io::Core& core = serving_[index]->core();
  const Deadline patience =
      earlier(deadline, core.deadline_after(successor_ == 0 ? kLeavingTime : kHandedOverTime));
  while (still_here(index) && !patience.passed(core.now())) {
    Status slept = co_await Sleep(core.timers(), core.deadline_after(10ms));
    if (!slept.ok()) co_return slept;
  }
  co_return Status();
}

Task<void> Process::close_http(std::size_t index, Deadline deadline, Status* ended) {
  for (const auto& port : ports_) {
    Status closed = co_await port->close_http(index, deadline);
    if (ended->ok()) *ended = std::move(closed);
  }
}

// Callers that heard that we leave close their sessions when their calls have ended; those that did
// not are closed by us, after the handlers. Who has not said yet what it speaks has nothing under
// way.
Task<Status> Process::drain(std::size_t index, Deadline deadline) {
  rpc::Peer& peer = *serving_[index];
  io::Core& core = peer.core();
  FL_CO_TRY(co_await wait_for_leaving(index, deadline));
  for (const auto& port : ports_) {
    Status closed =
        co_await port->close_entrance(index, earlier(deadline, core.deadline_after(1s)));
    if (!closed.ok()) FL_LOG(debug, "service.undecided_cut", {"reason", closed.reason()});
  }
  Status http_ended;
  Scope http_closing;
  http_closing.spawn(close_http(index, deadline, &http_ended));
  Status closed = co_await peer.close(deadline);
  Status http_closed = co_await http_closing.close(core.timers(), Deadline());
  for (const auto& port : ports_) {
    Status sockets = co_await port->close_websockets(index, deadline);
    if (http_ended.ok()) http_ended = std::move(sockets);
  }
  if (closed.ok()) closed = std::move(http_ended);
  co_return closed.ok() ? http_closed : closed;
}

Task<Status> Process::close_calling(std::size_t index, Deadline deadline) {
  Status ended;
  for (const auto& [name, target] : targets_) {
    Status closed = co_await target->places_[index].service->close(deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  Status closed = co_await calling_[index]->close(deadline);
  co_return ended.ok() ? closed : ended;
}

Task<Status> Process::close_pools(std::size_t index, Deadline deadline) {
  Status ended;
  for (const auto& [name, places] : pools_) {
    Status closed = co_await places->close(index, deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  co_return ended;
}

Task<Status> Process::close_first(Deadline deadline) {
  Status ended;
  if (directory_ != nullptr) ended = co_await directory_->close(deadline);
  if (admin_ != nullptr) {
    Status closed = co_await admin_->close(deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  if (store_ != nullptr) {
    Status closed = co_await store_->close(deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  upgrade_.reset();
  waiting_->watcher.reset();
  co_return ended;
}

void Process::stop() {
  if (!started()) return;
  io::Core& first = cores_->first();
  if (waiting_ != nullptr) {
    const auto tell = [](Status ended) {
      if (!ended.ok()) {
        FL_LOG(warn, "service.not_drained", {"reason", ended.reason()},
               {"message", ended.message()});
      }
    };
    const bool served = !listeners_.empty();
    if (served) {
      FL_LOG(info, "service.draining", {"service", name_});
      if (successor_ == 0 && predecessor_ == nullptr) runtime::notify_manager("STOPPING=1");
    }
    tell(run_on(first, leave_registry()));
    tell(run_on_all([this](std::size_t i) { return announce_going(i); }));
    tell(run_on(first, close_listeners()));
    const Deadline deadline = Deadline::after(steady_now(), spec_.drain);
    tell(run_on_all([this, deadline](std::size_t i) { return drain(i, deadline); }));
    tell(run_on_all([this, deadline](std::size_t i) { return close_calling(i, deadline); }));
    tell(run_on_all([this, deadline](std::size_t i) { return close_pools(i, deadline); }));
    tell(run_on(first, close_first(Deadline::after(steady_now(), 2s))));
    if (served) {
      remove_pid_file();
      FL_LOG(info, "service.stopped", {"service", name_});
    }
  }
  protection_->end();
  cores_->stop();
  watch_.reset();
  for (const auto& [name, places] : pools_) places->end();
  admin_.reset();
  registrar_.reset();
  directory_.reset();
  store_.reset();
  targets_.clear();
  ports_.clear();
  serving_.clear();
  calling_.clear();
  tls_.reset();
  cores_.reset();
  protection_.reset();
  hub_.reset();
  waiting_.reset();
}

}  // namespace fairlead::service
