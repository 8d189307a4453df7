#include "fairlead/service/process.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/async_log_sink.h"
#include "fairlead/runtime/signals.h"
#include "fairlead/service/spec_source.h"

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
// The same for who was told and has not said that it read it, and for all where another process
// serves already: nobody waits for our end.
constexpr Duration kUnheardTime = 2s;
// Between one caller and the next that is told, on each core; and for all of them.
constexpr Duration kGoingPace = 2ms;
constexpr Duration kGoingTimeMax = 30s;

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

Process::Process(std::string name)
    : name_(std::move(name)), written_("the configuration of " + name_) {}

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

Status Process::start(Spec spec, std::shared_ptr<SpecSource> source) {
  if (!started()) start_ = make_parts(std::move(spec), std::move(source));
  return start_;
}

Status Process::make_parts(Spec spec, std::shared_ptr<SpecSource> source) {
  spec_ = std::move(spec);
  if (source != nullptr) written_.take(source->document(), {});
  for (const rpc::PluginHandle& plugin : plugins_.plugins()) own_plugins_.insert(plugin.name());
  FL_TRY_ASSIGN(settings_, LiveSettings::make(spec_, std::move(source), metrics_));
  if (rereads_files())
    runtime::block_signals({SIGUSR2, SIGHUP});
  else
    runtime::block_signals({SIGUSR2});
  FL_TRY(drain_state_.make({.event = "service.state", .name = name_, .transitions = &transitions_},
                           metrics_));
  FL_TRY(succession_.begin(
      {.name = name_, .pid_file = spec_.pid_file, .transitions = &transitions_}, metrics_));
  FL_TRY(check_settings(spec_));
  FL_TRY(check_start(spec_, written_));
  FL_TRY(make_log(spec_));
  FL_TRY(make_tls());
  FL_TRY_ASSIGN(protection_, runtime::Protection::make(spec_.protection, metrics_));
  FL_TRY_ASSIGN(cores_, io::CoreGroup::make(
                            spec_.cores, {.spin = spec_.spin, .sockets = &succession_.sockets()}));
  FL_TRY(make_peers());
  FL_TRY(make_pools());
  FL_TRY(watch_cores());
  io::Core& first = cores_->first();
  if (!spec_.store.empty()) {
    FL_TRY_ASSIGN(store_, store::open(first, {.url = spec_.store}));
    directory_ = std::make_unique<upstream::Directory>(first, *store_);
  }
  FL_TRY_ASSIGN(bound_, runtime::EndBound::make(name_, [this] { return unended(); }));
  reload_desk_ = std::make_unique<ReloadDesk>(first, [this] { tls_->ask(); });
  FL_TRY(cores_->start());
  waiting_ = std::make_unique<Waiting>();
  FL_TRY(tls_->start());
  FL_TRY(watch_->start());
  FL_TRY(watch_memory());
  return run_on(first, watch_signals());
}

Status Process::make_log(const Spec& spec) {
  if (spec.log_level == "off") return {};
  observe::Logger::Options options;
  FL_CHECK(observe::parse_level(spec.log_level, options.level));
  observe::AsyncLogSink::Options sink_options;
  if (spec.log_form == "json") sink_options.form = observe::LogForm::kJson;
  FL_TRY_ASSIGN(auto sink, observe::AsyncLogSink::make(sink_options));
  logger_ = std::make_unique<observe::Logger>(std::move(options), std::move(sink));
  default_logger_ = std::make_unique<observe::ScopedDefaultLogger>(*logger_);
  return {};
}

Status Process::make_secure() {
  if (!spec_.secure.asked_for()) return {};
  FL_TRY_ASSIGN(rpc::SecureKeys keys, read_secure_keys(spec_.secure));
  secure_ = std::make_unique<rpc::SecureBodies>(std::move(keys), spec_.secure.required);
  settings_->rereads().emplace_back([this] { return reread_keys(); });
  return {};
}

// What the spec names is read now, so that a mistake is told at the start and not by the first
// call.
Status Process::make_tls() {
  tls_ = std::make_unique<internal::TlsKeeper>(metrics_, &transitions_);
  tls_->ask_first([this] { return reload(); });
  tls_->tell_last([this](std::vector<Status> wrong) { reloaded(std::move(wrong)); });
  if (!spec_.tls.certificates.empty()) {
    // Who offers h2 and no more is refused in the handshake, not by the first request.
    if (spec_.tls.alpn.empty()) spec_.tls.alpn = {"http/1.1"};
    FL_TRY_ASSIGN(listen_tls_, tls_->add(io::TlsRole::kServer, "tls", spec_.tls, wall_ms()));
    FL_TRY_ASSIGN(tls_failures_.failed,
                  metrics_.counter({"fairlead_tls_connections_failed_total",
                                    "Connections to our listeners that TLS ended."}));
  }
  FL_TRY_ASSIGN(client_tls_, client_tls(spec_, written_));
  settings_->check_by([this](const Spec& whole, const config::Document& written) {
    return check_again(whole, written);
  });
  settings_->prepare_by(
      [this](const Spec& next, const config::Document& written) { return prepare(next, written); });
  return {};
}

Status Process::make_peers() {
  FL_TRY_ASSIGN(const rpc::Metrics metrics, rpc::Metrics::make(metrics_));
  FL_TRY_ASSIGN(link_metrics_, upstream::Metrics::make(metrics_));
  dial_limits_.update(spec_.dial_limits);
  FL_TRY(wire::add_builtin_transforms(transforms_));
  FL_TRY(make_secure());
  rpc::PeerOptions options = limits_of(spec_, cores_->cores().size());
  options.transforms = &transforms_;
  options.bounds = &protection_->bounds();
  options.secure = secure_.get();
  resend_budget_.update(spec_.resend.process_bytes_max);
  windows_ = std::make_unique<rpc::DuplicateWindows>(spec_.dedup.options);
  options.windows = windows_.get();
  options.transitions = &transitions_;
  if (hub_ != nullptr) {
    options.watcher = &hub_->watcher();
    FL_TRY_ASSIGN(
        const observe::Counter skipped,
        metrics_.counter({"fairlead_service_broadcast_skipped_total",
                          "Sessions that a broadcast skipped: their peer does not read."}));
    hub_->set_options({.broadcast_queue_bytes_max = spec_.broadcast_queue_bytes_max,
                       .skipped = skipped,
                       .links = link_metrics_,
                       .delivery = spec_.resend.mode});
  }
  FL_TRY(make_plugins(options));
  for (io::Core* core : cores_->cores()) {
    serving_.push_back(std::make_unique<rpc::Peer>(*core, router_, options, metrics));
    // Who is dialled may call back: the core has one limit, whoever called.
    rpc::PeerOptions calling = options;
    calling.handlers_with = serving_.back().get();
    calling_.push_back(std::make_unique<rpc::Peer>(*core, router_, calling, metrics));
    dial_lines_.push_back(std::make_unique<upstream::DialLine>(*core, dial_limits_));
    if (hub_ != nullptr) hub_->add_core(*calling_.back(), dial_lines_.back().get());
    for (rpc::Peer* peer : {serving_.back().get(), calling_.back().get()}) {
      FL_TRY(plugins_.ask<&rpc::Plugin::post_new_peer>(*peer));
    }
  }
  return {};
}

// Those of the code are there; those of the configuration come behind them.
Status Process::make_plugins(rpc::PeerOptions& options) {
  for (const PluginSpec& spec : spec_.plugins) {
    FL_TRY_ASSIGN(rpc::PluginHandle plugin,
                  spec.make({*this, before_serving_, settings_->rereads()}));
    Status added = plugins_.add(std::move(plugin));
    if (!added.ok()) return std::move(added).with_context("the setting plugins");
  }
  if (!plugins_.empty()) options.plugins = &plugins_;
  rpc::NewPeer made{options, router_};
  FL_TRY(plugins_.ask<&rpc::Plugin::pre_new_peer>(made));
  FL_TRY(options.validate());
  return router_.announce(plugins_);
}

Status Process::watch_cores() {
  FL_TRY_ASSIGN(watch_, runtime::CoreWatch::make(cores_->cores(), watch_options(spec_), metrics_));
  return {};
}

// Whoever serves hears how short the memory is, each on its core: who is dialled may call back.
Status Process::watch_memory() {
  return protection_->start(cores_->cores(), [this](runtime::MemoryLevel level,
                                                    std::uint64_t memory_max) {
    const rpc::Pressure pressure = level == runtime::MemoryLevel::kCritical ? rpc::Pressure::kRefuse
                                   : level == runtime::MemoryLevel::kShort  ? rpc::Pressure::kShed
                                                                            : rpc::Pressure::kNone;
    for (std::size_t i = 0; i < serving_.size(); ++i) {
      serving_[i]->core().post([this, i, pressure, memory_max] {
        for (const auto* peers : {&serving_, &calling_}) {
          (*peers)[i]->set_pressure(pressure, memory_max);
        }
      });
    }
  });
}

Task<Status> Process::watch_signals() {
  const auto on_one = [this](int signal) { on_signal(signal); };
  const auto on_end = [this] { told_to_end(false); };
  if (!rereads_files()) {
    FL_CO_TRY_ASSIGN(waiting_->watcher,
                     runtime::SignalWatcher::make(cores_->first(), on_one, {SIGUSR2}, on_end));
  } else {
    FL_CO_TRY_ASSIGN(waiting_->watcher, runtime::SignalWatcher::make(cores_->first(), on_one,
                                                                     {SIGUSR2, SIGHUP}, on_end));
  }
  co_return Status();
}

void Process::on_signal(int signal) {
  if (signal == SIGHUP) return tls_->ask();
  if (signal == SIGUSR2) return upgrade(waiting_->watcher->sender());
  draining_ = true;
  succession_.end();
  end_serving();
}

void Process::upgrade(pid_t asker) {
  if (succession_.has_predecessor() || (!ready_ && !draining_)) {
    return succession_.refuse_upgrade(asker,
                                      Status(Code::kInvalidOperation, "upgrade.not_serving",
                                             "this program does not serve, or has not begun to"));
  }
  succession_.upgrade(cores_->first(), settings_->now()->upgrade_ready_timeout, asker, [this] {
    draining_ = true;
    told_to_end(true);
    end_serving();
  });
}

// By the settings of this moment. Whatever hangs from here on, the process ends.
void Process::told_to_end(bool taken_over) {
  const std::shared_ptr<const Spec> now = settings_->now();
  bound_->begin(runtime::EndBound::of(now->notice, now->drain, taken_over));
}

void Process::end_serving() { waiting_->tell(&Waiting::signalled); }

// ---- running and ending

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

// So long this process is not ready and still accepts, for who must hear of it first: nobody, where
// another process serves, or it has never served itself.
Duration Process::notice_of(const Spec& spec, bool taken_over) const {
  const bool served = drain_state_.phase() == Phase::kServing && !listeners_.empty();
  return served && !taken_over ? spec.notice : Duration::zero();
}

// At these addresses another process is ready, and is asked for it.
Task<Status> Process::give_back() {
  for (const auto& listener : listeners_) listener->stop();
  if (admin_ == nullptr) co_return Status();
  co_return co_await admin_->close(cores_->first().deadline_after(2s));
}

// From here on no process takes over from this one any more.
Task<Status> Process::settle_who_ends(bool* taken_over) {
  draining_ = true;
  if (!listeners_.empty()) succession_.end();
  *taken_over = succession_.successor() != 0;
  Status given;
  if (succession_.borrows()) given = co_await give_back();
  ready_ = false;  // after that: who asks there is to hear of the other process
  co_return given;
}

Task<Status> Process::leave_registry() {
  if (registrar_ == nullptr) co_return Status();
  const Deadline deadline = cores_->first().deadline_after(1s);
  if (succession_.successor() != 0) co_return co_await registrar_->leave(deadline);
  co_return co_await registrar_->close(deadline);
}

Task<Status> Process::announce_going(std::size_t index) {
  for (const auto& port : ports_) port->announce_close(index);
  // Where another process serves already, there is time for callers to arrive one by one.
  const Duration time_max = succession_.successor() == 0 ? Duration::zero() : kGoingTimeMax;
  co_return co_await serving_[index]->announce_going("closing", kGoingPace, time_max);
}

Task<Status> Process::close_listeners(Duration notice) {
  io::Core& first = cores_->first();
  if (notice > Duration::zero()) {
    Status noticed = co_await Sleep(first.timers(), first.deadline_after(notice));
    if (!noticed.ok()) FL_LOG(debug, "service.notice_cut", {"reason", noticed.reason()});
  }
  for (const auto& listener : listeners_) listener->stop();
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
  return peer.somebody_may_leave();
}

Task<Status> Process::wait_for_leaving(std::size_t index, Deadline deadline) {
  io::Core& core = serving_[index]->core();
  const Time began = core.now();
  const Duration usual = succession_.successor() == 0 ? kLeavingTime : kUnheardTime;
  const auto waits = [&](Duration waited) {
    if (waited < usual && still_here(index)) return true;
    return waited < kUnheardTime && serving_[index]->somebody_may_not_know_going();
  };
  while (!deadline.passed(core.now()) && waits(core.now() - began)) {
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

// Who was dialled may call back, so handlers may run here too.
Task<Status> Process::close_calling(std::size_t index, Deadline deadline) {
  calling_[index]->will_close(deadline);
  Status ended;
  for (const auto& [name, target] : targets_) {
    Status closed = co_await target->places_[index].service->close(deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  if (hub_ != nullptr) {
    Status closed = co_await hub_->close(calling_[index]->core(), deadline);
    if (ended.ok()) ended = std::move(closed);
  }
  Status closed = co_await calling_[index]->close(deadline);
  co_return ended.ok() ? closed : ended;
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
  for (auto& listener : listeners_) cores_->first().dispose(std::move(listener));
  listeners_.clear();
  succession_.close();
  if (waiting_->watcher != nullptr) waiting_->watcher->leave_core();
  co_return ended;
}

void Process::tell_drained(const Status& drained) {
  for (const auto* peers : {&serving_, &calling_}) {
    for (const auto& peer : *peers) drain_state_.count_cut(peer->calls_cut());
  }
  if (drained.ok() && calls_cut() == 0) return;
  FL_LOG(warn, "service.not_drained", {"reason", drained.reason()}, {"message", drained.message()},
         {"calls_cut", calls_cut()});
}

void Process::stop() {
  if (!started()) return;
  io::Core& first = cores_->first();
  // The settings of now are those of the whole end.
  const std::shared_ptr<const Spec> spec = settings_->now();
  if (bound_ != nullptr) told_to_end(false);
  tls_->stop();  // nobody changes settings from here on
  if (reload_desk_ != nullptr) reload_desk_->end();
  if (waiting_ != nullptr) {
    const auto tell = [](const Status& ended) {
      if (ended.ok()) return;
      FL_LOG(warn, "service.not_drained", {"reason", ended.reason()}, {"message", ended.message()});
    };
    const bool served = !listeners_.empty();
    bool taken_over = false;
    tell(run_on(first, settle_who_ends(&taken_over)));
    if (taken_over) told_to_end(true);
    const Duration notice = notice_of(*spec, taken_over);
    if (served) {
      FL_LOG(info, "service.draining", {"service", name_});
    }
    if (served) enter(Phase::kNotice, taken_over ? "upgrade" : "stop");
    tell(run_on(first, leave_registry()));
    // Who hears that we leave and knows no other copy would come here again at once.
    const bool closed_first = !taken_over && notice == Duration::zero();
    if (closed_first) tell(run_on(first, close_listeners(notice)));
    tell(run_on_all([this](std::size_t i) { return announce_going(i); }));
    if (!closed_first) tell(run_on(first, close_listeners(notice)));
    if (served) enter(Phase::kDraining, "listeners_closed");
    const Deadline deadline = Deadline::after(steady_now(), spec->drain);
    Status drained = run_on_all([this, deadline](std::size_t i) { return drain(i, deadline); });
    if (served) enter(Phase::kClosing, drained.ok() ? "drained" : "bound");
    Status called =
        run_on_all([this, deadline](std::size_t i) { return close_calling(i, deadline); });
    if (drained.ok()) drained = std::move(called);
    tell_drained(drained);
    tell(run_on_all([this, deadline](std::size_t i) { return close_pools(i, deadline); }));
    tell(run_on(first, close_first(Deadline::after(steady_now(), 2s))));
    if (served) {
      succession_.remove_pid_file();
      FL_LOG(info, "service.stopped", {"service", name_});
    }
  }
  protection_->end();
  cores_->stop();
  watch_.reset();
  for (const auto& [name, places] : pools_) places->end();
  if (bound_ != nullptr) bound_->stop_looking();
  admin_.reset();
  reload_desk_.reset();
  registrar_.reset();
  directory_.reset();
  store_.reset();
  targets_.clear();
  dial_lines_.clear();
  ports_.clear();
  calling_.clear();
  serving_.clear();
  listen_tls_.reset();
  client_tls_.clear();
  tls_.reset();
  cores_.reset();
  protection_.reset();
  hub_.reset();
  waiting_.reset();
  bound_.reset();
}

}  // namespace fairlead::service
