#include "fairlead/service/process.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/observe/async_log_sink.h"
#include "fairlead/runtime/signals.h"
#include "fairlead/service/caller_identity.h"
#include "fairlead/service/cores_page.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

std::size_t index_of(const std::vector<io::Core*>& cores, const io::Core& core) {
  const auto found = std::ranges::find(cores, &core);
  FL_CHECK(found != cores.end());
  return static_cast<std::size_t>(found - cores.begin());
}

// What a thread waits for while a core runs a task for it.
struct Box {
  Mutex mutex;
  CondVar arrived;
  std::optional<Status> status FL_GUARDED_BY(mutex);
};

// What calls are set to of which nobody says more.
ClientOptions defaults_of(const Spec& spec) {
  const auto found = spec.clients.find("default");
  return found != spec.clients.end() ? found->second : ClientOptions();
}

Task<void> deliver(Task<Status> task, Box* box) {
  Status status = co_await task;
  MutexLock lock(box->mutex);
  box->status = std::move(status);
  box->arrived.notify_all();
}

}  // namespace

// ---- Target
// --------------------------------------------------------------------------------------

upstream::Service* Target::on_this_core() const {
  const io::Core* here = io::Core::current();
  if (here == nullptr) return nullptr;
  for (const Place& place : places_) {
    if (place.core == here) return place.service.get();
  }
  return nullptr;
}

std::optional<codec::CodecId> Target::codec_for(const contract::TypeInfo& type) const {
  switch (type.kind) {
    case contract::Kind::kVoid:       // no body
    case contract::Kind::kBytes:      // no codec
    case contract::Kind::kGenerated:  // made for one
      return std::nullopt;
    default:
      return codec_;
  }
}

io::Core& Target::next_core() const {
  return *places_[next_.fetch_add(1, std::memory_order_relaxed) % places_.size()].core;
}

// ---- Process
// -------------------------------------------------------------------------------------

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
  Box box;
  const auto moved = std::make_shared<Task<Status>>(std::move(task));
  core.post([&core, moved, &box] { core.spawn(deliver(std::move(*moved), &box)); });
  MutexLock lock(box.mutex);
  while (!box.status.has_value()) box.arrived.wait(box.mutex);
  return *box.status;
}

Status Process::start(Spec spec) {
  if (started()) return {};
  spec_ = std::move(spec);
  if (rereads_files())
    runtime::block_signals({SIGHUP});
  else
    runtime::block_signals();
  FL_TRY(spec_.limits.validate());
  FL_TRY(make_log());
  FL_TRY(make_tls());
  FL_TRY_ASSIGN(cores_, io::CoreGroup::make(spec_.cores, {.spin = spec_.spin}));
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
  tls_->also_when_asked([this] { reload_keys(); });
  return {};
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
  if (!spec_.tls.certificates.empty()) {
    FL_TRY_ASSIGN(listen_tls_, tls_->add(io::TlsRole::kServer, "tls", spec_.tls, wall_ms()));
    FL_TRY_ASSIGN(tls_failures_,
                  metrics_.counter({"fairlead_tls_connections_failed_total",
                                    "Connections to our listeners that TLS ended."}));
  }
  for (const auto& [name, options] : spec_.clients) {
    const ClientTls tls = merged(defaults_of(spec_), options).tls;
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
  options.secure = secure_.get();
  for (io::Core* core : cores_->cores()) {
    serving_.push_back(std::make_unique<rpc::Peer>(*core, router_, options, metrics));
    calling_.push_back(std::make_unique<rpc::Peer>(*core, router_, options, metrics));
  }
  return {};
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
  const auto on_signal = [this](int signal) {
    if (signal == SIGHUP) return tls_->ask();
    waiting_->tell(&Waiting::signalled);
  };
  if (!rereads_files()) {
    FL_CO_TRY_ASSIGN(waiting_->watcher, runtime::SignalWatcher::make(cores_->first(), on_signal));
  } else {
    FL_CO_TRY_ASSIGN(waiting_->watcher,
                     runtime::SignalWatcher::make(cores_->first(), on_signal, {SIGHUP}));
  }
  co_return Status();
}

// ---- serving
// -------------------------------------------------------------------------------------

Status Process::serve(bool discover, const std::vector<std::string>& otherwise) {
  if (discover && store_ == nullptr) {
    return Status(Code::kInvalidOperation, "service.no_store",
                  "'" + name_ +
                      "' is to be discovered and no store is set; give --store "
                      "file:/path/store.db, or do not call discover()");
  }
  FL_TRY_ASSIGN(std::vector<ListenPlan> plans, plan_listeners(otherwise));
  return run_on(cores_->first(), listen_all(std::move(plans), discover));
}

Result<std::vector<ListenPlan>> Process::plan_listeners(
    const std::vector<std::string>& otherwise) const {
  std::vector<ListenSpec> specs = spec_.listen;
  if (specs.empty()) specs.assign(otherwise.begin(), otherwise.end());
  std::vector<ListenPlan> plans;
  for (const ListenSpec& spec : specs) {
    FL_TRY_ASSIGN(ListenPlan plan, plan_of(spec, spec_.protocol));
    if (plan.where.tls && listen_tls_ == nullptr) {
      return Status(Code::kInvalidOperation, "service.no_certificate",
                    "'" + escape_text(spec.address) +
                        "' listens with TLS and there is no certificate; give --tls-certificate "
                        "FILE and --tls-key FILE, or set tls.certificates");
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

Task<Status> Process::listen_all(std::vector<ListenPlan> plans, bool discover) {
  for (ListenPlan& plan : plans) {
    FL_CO_TRY(listen(plan));
  }
  if (!spec_.admin.empty()) {
    FL_CO_TRY(open_admin());
  }
  if (discover) {
    Status registered = co_await register_self(std::move(plans));
    if (!registered.ok()) co_return registered;
  }
  ready_ = true;
  co_return Status();
}

std::vector<io::Address> Process::addresses() const {
  std::vector<io::Address> out;
  for (const auto& listener : listeners_) out.push_back(listener->local());
  return out;
}

// Opens one listener and notes where it is.
Status Process::listen(ListenPlan& plan) {
  const std::vector<io::Core*> cores = cores_->cores();
  const auto accept_one = [this, plan](io::Core& core, std::unique_ptr<io::Stream> stream) {
    accept(core, std::move(stream), plan);
  };
  FL_TRY_ASSIGN(std::unique_ptr<io::Listener> listener,
                cores_->first().listen(plan.where.address, {.cores = cores}, accept_one));
  plan.where.address = listener->local();
  FL_LOG(info, "service.listening", {"service", name_},
         {"address", upstream::to_text(plan.where.address, plan.where.tls)},
         {"protocol", plan.protocol->name()});
  listeners_.push_back(std::move(listener));
  return {};
}

void Process::accept(io::Core& core, std::unique_ptr<io::Stream> stream, const ListenPlan& plan) {
  rpc::Peer& peer = *serving_[index_of(cores_->cores(), core)];
  if (!plan.where.tls) {
    peer.accept(std::move(stream), plan.protocol);
    return;
  }
  auto wrapped = io::tls_wrap(core, std::move(stream), listen_tls_->current());
  io::TlsStream& tls = *wrapped;  // lives as long as its session
  rpc::Session& session = peer.accept(std::move(wrapped), plan.protocol);
  tls.on_established([&session, &tls] { internal::remember_caller(session.values(), tls.info()); });
  session.on_closed([this](rpc::Session& closed, const Status& why) {
    if (!why.reason().starts_with("tls.")) return;
    tls_failures_.add();
    FL_LOG(info, "service.tls_failed", {"peer", closed.peer_address().to_text()},
           {"reason", why.reason()}, {"message", why.message()});
  });
}

Status Process::open_admin() {
  FL_TRY_ASSIGN(const io::Address address, io::Address::parse(spec_.admin));
  admin_ = admin::Server::make(cores_->first(), metrics_, {});
  admin_->add_check("serving", [this] {
    if (ready_) return Status();
    return Status(Code::kOverloaded, "service.not_ready", "starting or draining");
  });
  if (watch_ != nullptr) admin_->add_page(internal::cores_page(*watch_));
  FL_TRY_ASSIGN(const io::Address at, admin_->listen(address));
  FL_LOG(info, "service.admin", {"address", at.to_text()});
  return {};
}

// What others are told. On one machine a listener on every interface is reached by loopback.
Result<upstream::Record> Process::record_of(const std::vector<ListenPlan>& bound) const {
  if (bound.empty()) {
    return Status(Code::kInvalidOperation, "service.no_address",
                  "'" + name_ + "' is to be discovered and listens nowhere; give --listen");
  }
  upstream::Endpoint told = bound.front().where;
  if (!spec_.advertise.empty()) {
    FL_TRY_ASSIGN(upstream::Endpoint advertised, upstream::parse_endpoint(spec_.advertise));
    told.address = advertised.address;
    told.tls = told.tls || advertised.tls;
  } else if (told.address.host() == "0.0.0.0") {
    told.address = io::Address::loopback(told.address.port());
  } else if (told.address.host() == "::") {
    told.address = io::Address::parse("[::1]:0").value().with_port(told.address.port());
  }
  return upstream::Record{.address = told.address.to_text(),
                          .protocol = std::string(bound.front().protocol->name()),
                          .pid = getpid(),
                          .started_ms = cores_->first().wall_ms(),
                          .tls = told.tls};
}

Task<Status> Process::register_self(std::vector<ListenPlan> bound) {
  FL_CO_TRY_ASSIGN(upstream::Record record, record_of(bound));
  registrar_ = std::make_unique<upstream::Registrar>(cores_->first(), *store_);
  FL_LOG(info, "service.registered", {"service", name_}, {"address", record.address},
         {"protocol", record.protocol}, {"tls", record.tls});
  Status added = co_await registrar_->add(name_, std::move(record));
  co_return added;
}

// ---- calling
// -------------------------------------------------------------------------------------

// What the code says, under what the configuration says.
ClientOptions Process::settled(std::string_view name, ClientOptions options) const {
  options = merged(std::move(options), defaults_of(spec_));
  if (const auto own = spec_.clients.find(name); own != spec_.clients.end()) {
    options = merged(std::move(options), own->second);
  }
  return options;
}

// What a session of ours to this service begins with.
Result<upstream::ServiceOptions> Process::calling_options(
    std::string_view name, ClientOptions options, const upstream::EndpointSnapshot& endpoints) {
  upstream::ServiceOptions out;
  if (!options.protocol.empty()) {
    FL_TRY_ASSIGN(out.protocol, find_protocol(options.protocol));
  }
  out.tls_required = options.tls.required.value_or(false);
  out.server_name = options.tls.server_name;
  out.login = std::move(options.login);
  const bool plain = endpoints != nullptr && !out.tls_required &&
                     std::ranges::none_of(*endpoints, &upstream::Endpoint::tls);
  if (plain) return out;  // a copy in the registry may speak TLS any time
  FL_TRY_ASSIGN(out.tls, tls_->add(io::TlsRole::kClient, "clients." + std::string(name),
                                   tls_options_of(options.tls), wall_ms()));
  return out;
}

Result<Target*> Process::target(std::string_view name_or_addresses, const ClientOptions& told) {
  const auto known = targets_.find(name_or_addresses);
  if (known != targets_.end()) return known->second.get();
  const bool by_address = name_or_addresses.find(':') != std::string_view::npos;
  upstream::EndpointSnapshot endpoints;
  if (by_address) {
    FL_TRY_ASSIGN(endpoints, upstream::parse_endpoints(name_or_addresses));
  } else {
    FL_TRY(upstream::check_service_name(name_or_addresses));
    if (directory_ == nullptr) {
      return Status(Code::kInvalidOperation, "client.no_store",
                    "'" + std::string(name_or_addresses) +
                        "' must be looked up and no store is set; give --store "
                        "file:/path/store.db, or an address as 127.0.0.1:9090");
    }
  }
  const ClientOptions options = settled(name_or_addresses, told);
  std::optional<codec::CodecId> codec;
  if (!options.codec.empty()) {
    FL_TRY_ASSIGN(codec, find_codec(options.codec));
  }
  FL_TRY_ASSIGN(const upstream::ServiceOptions calling,
                calling_options(name_or_addresses, options, endpoints));
  auto target = std::make_unique<Target>(std::string(name_or_addresses), codec);
  for (const auto& peer : calling_) {
    target->places_.push_back(
        {&peer->core(), std::make_unique<upstream::Service>(*peer, target->name(), calling)});
  }
  Target* made = target.get();
  targets_.emplace(target->name(), std::move(target));
  const auto update_all = [made](const upstream::EndpointSnapshot& set) {
    for (const Target::Place& place : made->places_) {
      place.core->post([service = place.service.get(), set] { service->update(set); });
    }
  };
  if (by_address) {
    update_all(endpoints);
  } else {
    cores_->first().post([this, made, update_all] {
      FL_CHECK(directory_->follow(made->name(), update_all).ok());  // the name was checked
    });
  }
  return made;
}

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
  return waiting_->wait(true);
}

void Process::wait_for_signal() { waiting_->wait(false); }

Task<Status> Process::leave_registry() {
  ready_ = false;
  Status left;
  if (registrar_ != nullptr) {
    left = co_await registrar_->close(cores_->first().deadline_after(1s));
  }
  for (auto& listener : listeners_) cores_->first().dispose(std::move(listener));
  listeners_.clear();
  co_return left;
}

// Callers that heard that we left close their sessions when their calls have ended; those that did
// not are closed by us, after the handlers.
Task<Status> Process::drain(std::size_t index, Deadline deadline) {
  rpc::Peer& peer = *serving_[index];
  io::Core& core = peer.core();
  if (registrar_ != nullptr) {
    const Deadline patience = earlier(deadline, core.deadline_after(500ms));
    while (peer.session_count() > 0 && !patience.passed(core.now())) {
      Status slept = co_await Sleep(core.timers(), core.deadline_after(10ms));
      if (!slept.ok()) break;
    }
  }
  Status closed = co_await peer.close(deadline);
  co_return closed;
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
  waiting_->watcher.reset();
  co_return ended;
}

void Process::stop() {
  if (!started()) return;
  io::Core& first = cores_->first();
  if (waiting_ != nullptr) {
    const Deadline deadline = Deadline::after(steady_now(), spec_.drain);
    const auto tell = [](Status ended) {
      if (!ended.ok()) {
        FL_LOG(warn, "service.not_drained", {"reason", ended.reason()},
               {"message", ended.message()});
      }
    };
    const bool served = !listeners_.empty();
    if (served) FL_LOG(info, "service.draining", {"service", name_});
    tell(run_on(first, leave_registry()));
    for (std::size_t i = 0; i < serving_.size(); ++i) {
      tell(run_on(serving_[i]->core(), drain(i, deadline)));
    }
    for (std::size_t i = 0; i < calling_.size(); ++i) {
      tell(run_on(calling_[i]->core(), close_calling(i, deadline)));
    }
    for (std::size_t i = 0; i < calling_.size(); ++i) {
      tell(run_on(calling_[i]->core(), close_pools(i, deadline)));
    }
    tell(run_on(first, close_first(Deadline::after(steady_now(), 2s))));
    if (served) FL_LOG(info, "service.stopped", {"service", name_});
  }
  cores_->stop();
  watch_.reset();
  for (const auto& [name, places] : pools_) places->end();
  admin_.reset();
  registrar_.reset();
  directory_.reset();
  store_.reset();
  targets_.clear();
  serving_.clear();
  calling_.clear();
  tls_.reset();
  cores_.reset();
  waiting_.reset();
}

}  // namespace fairlead::service
