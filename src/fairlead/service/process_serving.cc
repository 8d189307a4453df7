// How a process is served: its listeners, its admin pages, its record in the registry.
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/service/cores_page.h"
#include "fairlead/service/process.h"

namespace fairlead::service {
Status Process::serve(bool discover, const std::vector<std::string>& otherwise) {
  const Served how{.discover = discover, .otherwise = otherwise};
  {
    const MutexLock lock(parts_mutex_);
    served_ = how;
  }
  FL_TRY(check_serving(spec_, written_, how));
  for (const auto& prepare : before_serving_) FL_TRY(prepare());
  FL_TRY_ASSIGN(std::vector<ListenPlan> plans, plan_listeners(otherwise));
  std::vector<internal::ServedPort*> ports;
  for (const ListenPlan& plan : plans) {
    FL_TRY_ASSIGN(internal::ServedPort * port, make_port(plan));
    ports.push_back(port);
  }
  FL_TRY(run_on(cores_->first(), listen_all(plans, ports)));
  std::optional<upstream::Record> record;
  if (discover) {
    FL_TRY_ASSIGN(record, record_of(plans));
  }
  return run_on(cores_->first(), begin_serving(std::move(record)));
}

// In the place of a process that serves, this one says that it is ready as soon as it can be asked:
// whoever asks at the address is served, by one or the other. Nothing but that one's word is
// missing then. Its record is left alone until it has given way: if it does not, nothing has
// changed.
Task<Status> Process::begin_serving(std::optional<upstream::Record> record) {
  const bool late = succession_.has_predecessor();
  ready_ = late;
  if (!spec_.admin.empty()) {
    FL_CO_TRY(open_admin());
  }
  succession_.drop_rest();
  if (record.has_value() && !late) {
    FL_CO_TRY(co_await register_self(*record));
  }
  FL_CO_TRY(co_await succession_.take_over(cores_->first()));
  ready_ = true;
  enter(Phase::kServing, "ready");
  if (record.has_value() && late) {
    const Status registered = co_await register_self(*record);
    if (!registered.ok()) {  // there is no way back, and it is tried again until it works
      FL_LOG(warn, "registry.not_kept", {"reason", registered.reason()});
    }
  }
  co_return Status();
}

Status Process::check_listens_nowhere(const Spec& spec) const {
  if (spec.listen.empty()) return {};
  return Status(Code::kInvalidOperation, "service.serves_nothing",
                "'" + name_ + "' serves nothing, so it cannot listen on '" +
                    escape_text(spec.listen.front().address) +
                    "'; leave out --listen, FAIRLEAD_LISTEN, and `listen` in the configuration");
}

Status Process::serve_nothing() {
  const Served how{.nothing = true};
  {
    const MutexLock lock(parts_mutex_);
    served_ = how;
  }
  FL_TRY(check_serving(spec_, written_, how));
  if (spec_.admin.empty() || admin_ != nullptr) return {};
  return run_on(cores_->first(), open_admin_of_a_caller());
}

Task<Status> Process::open_admin_of_a_caller() {
  Status opened = open_admin();
  if (!opened.ok() && admin_ != nullptr) {  // it could be asked for again
    FL_CO_TRY(co_await admin_->close(Deadline()));
    admin_.reset();
  }
  if (!opened.ok()) co_return opened;
  admin_->remove_check("serving");  // it is ready for all that it is there for
  enter(Phase::kServing, "calls_only");
  co_return Status();
}

std::vector<ListenSpec> Process::listeners_of(const Spec& spec,
                                              const std::vector<std::string>& otherwise) {
  if (!spec.listen.empty()) return spec.listen;
  return {otherwise.begin(), otherwise.end()};
}

Result<ListenPlan> Process::plan_listener(const Spec& spec, const ListenSpec& listen) {
  FL_TRY_ASSIGN(ListenPlan plan, plan_of(listen, spec.protocol));
  const bool has_certificate = !spec.tls.certificates.empty();
  if (plan.where.tls && !has_certificate) {
    return Status(Code::kInvalidOperation, "service.no_certificate",
                  "'" + escape_text(listen.address) +
                      "' listens with TLS and there is no certificate; give --tls-certificate "
                      "FILE and --tls-key FILE, or set tls.certificates");
  }
  plan.tls_too = plan.tls_too && has_certificate;
  return plan;
}

Result<std::vector<ListenPlan>> Process::plan_listeners(
    const std::vector<std::string>& otherwise) const {
  std::vector<ListenPlan> plans;
  for (const ListenSpec& listen : listeners_of(spec_, otherwise)) {
    FL_TRY_ASSIGN(ListenPlan plan, plan_listener(spec_, listen));
    plans.push_back(std::move(plan));
  }
  return plans;
}

Task<Status> Process::listen_all(std::vector<ListenPlan>& plans,
                                 const std::vector<internal::ServedPort*>& ports) {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    FL_CO_TRY(listen(plans[i], *ports[i]));
  }
  co_return Status();
}

std::vector<io::Address> Process::addresses() const {
  std::vector<io::Address> out;
  for (const auto& listener : listeners_) out.push_back(listener->local());
  return out;
}

// What stands behind a listener. It is in the list before its parts are made, each on its core: new
// settings, which come there as a letter, either are there already or find it.
Result<internal::ServedPort*> Process::make_port(const ListenPlan& plan) {
  const internal::PortParts parts{.peers = serving_,
                                  .tls = listen_tls_.get(),
                                  .metrics = metrics_,
                                  .tls_failures = tls_failures_,
                                  .http = spec_.http};
  FL_TRY_ASSIGN(std::unique_ptr<internal::ServedPort> made,
                internal::ServedPort::make(plan, parts));
  internal::ServedPort* const port = made.get();
  {
    const MutexLock lock(parts_mutex_);
    ports_.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    FL_TRY(run_on(serving_[i]->core(), open_port(*port, i)));
  }
  return port;
}

Task<Status> Process::open_port(internal::ServedPort& port, std::size_t index) {
  co_return port.open(index, settings_->now()->undecided_connections_max);
}

// Opens one listener and notes where it is.
Status Process::listen(ListenPlan& plan, internal::ServedPort& port) {
  const auto accept_one = [&port](io::Core& core, std::unique_ptr<io::Stream> stream) {
    port.accept(core, std::move(stream));
  };
  io::ListenOptions options{.cores = cores_->cores(), .limits = &protection_->connections()};
  options.refuse = [&port](io::Core& core, std::unique_ptr<io::Stream> stream) {
    port.refuse(core, std::move(stream));
  };
  FL_TRY_ASSIGN(std::unique_ptr<io::Listener> listener,
                cores_->first().listen(plan.where.address, std::move(options), accept_one));
  plan.where.address = listener->local();
  FL_LOG(info, "service.listening", {"service", name_},
         {"address", upstream::to_text(plan.where.address, plan.where.tls)},
         {"protocols", plan.names()},
         {"tls", plan.where.tls ? "only" : (plan.tls_too ? "too" : "no")});
  listeners_.push_back(std::move(listener));
  return plugins_.ask<&rpc::Plugin::post_listen>(plan.where.address);
}

Status Process::open_admin() {
  FL_TRY_ASSIGN(const io::Address address, io::Address::parse(spec_.admin));
  admin_ = admin::Server::make(cores_->first(), metrics_, {.name = name_});
  admin_->add_check("serving", [this] {
    // One that has been followed speaks for its address, where somebody is told of it still.
    if (ready_ || succession_.successor() != 0) return Status();
    return Status(Code::kOverloaded, "service.not_ready", "starting or draining");
  });
  admin_->add_page(internal::cores_page(*watch_));
  for (admin::Page& page : links_pages(links_sources())) {
    admin_->add_page(std::move(page));
  }
  if (rereads_files()) admin_->add_page(reload_desk_->page());
  FL_TRY_ASSIGN(const io::Address at, admin_->listen(address));
  FL_LOG(info, "service.admin", {"address", at.to_text()});
  return {};
}

Result<const ListenPlan*> Process::called_of(const std::vector<ListenPlan>& plans) const {
  const auto called = std::ranges::find_if(
      plans, [](const ListenPlan& plan) { return plan.called_by() != nullptr; });
  if (called != plans.end()) return &*called;
  return Status(Code::kInvalidOperation, "service.no_address",
                "'" + name_ +
                    "' is to be discovered and listens nowhere with a protocol of calls; give "
                    "--listen tcp://127.0.0.1:9090");
}

// What others are told. On one machine a listener on every interface is reached by loopback.
Result<upstream::Record> Process::record_of(const std::vector<ListenPlan>& bound) const {
  FL_TRY_ASSIGN(const ListenPlan* called, called_of(bound));
  upstream::Endpoint told = called->where;
  if (!spec_.advertise.empty()) {
    FL_TRY_ASSIGN(const upstream::Endpoint advertised, parse_advertised(spec_.advertise));
    told.address = advertised.address;
    told.tls = told.tls || advertised.tls;
  } else if (told.address.host() == "0.0.0.0") {
    told.address = io::Address::loopback(told.address.port());
  } else if (told.address.host() == "::") {
    told.address = io::Address::parse("[::1]:0").value().with_port(told.address.port());
  }
  return upstream::Record{.address = told.address.to_text(),
                          .protocol = std::string(called->called_by()->name()),
                          .pid = getpid(),
                          .started_ms = cores_->first().wall_ms(),
                          .tls = told.tls,
                          .incarnation = succession_.generation()};
}

Task<Status> Process::register_self(upstream::Record record) {
  registrar_ = std::make_unique<upstream::Registrar>(
      cores_->first(), *store_, upstream::Registrar::Options{.instance = succession_.instance()});
  succession_.set_instance(registrar_->instance());
  FL_LOG(info, "service.registered", {"service", name_}, {"address", record.address},
         {"protocol", record.protocol}, {"tls", record.tls});
  Status added = co_await registrar_->add(name_, std::move(record));
  co_return added;
}

}  // namespace fairlead::service
