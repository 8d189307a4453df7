#include "fairlead/cli/gateway_host.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/observe/log.h"

namespace fairlead::cli {

namespace {

// What closing the parts that carry no requests may take.
constexpr Duration kCloseTime = std::chrono::seconds(2);
// For clients to leave by themselves: with their next answer. Where another gateway is there
// already, waiting costs nothing.
constexpr Duration kLeavingTime = std::chrono::milliseconds(500);
constexpr Duration kHandedOverTime = std::chrono::seconds(2);

constexpr std::string_view kName = "gateway";

std::size_t cores_of(const gateway::GatewaySpec& spec) {
  if (spec.cores > 0) return spec.cores;
  return std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
}

}  // namespace

Result<std::unique_ptr<GatewayHost>> GatewayHost::make(gateway::GatewaySpec spec) {
  std::unique_ptr<GatewayHost> host(new GatewayHost(std::move(spec)));
  FL_TRY(host->succession_.begin({.name = std::string(kName),
                                  .pid_file = host->spec_.pid_file,
                                  .transitions = &host->transitions_},
                                 host->metrics_));
  FL_TRY_ASSIGN(host->protection_,
                runtime::Protection::make(host->spec_.limits, host->metrics_, "gateway."));
  FL_TRY_ASSIGN(host->core_, io::Core::make({.sockets = &host->succession_.sockets()}));
  std::vector<io::Core*>& cores = host->cores_;
  cores.push_back(host->core_.get());
  if (const std::size_t count = cores_of(host->spec_); count > 1) {
    FL_TRY_ASSIGN(host->others_, io::CoreGroup::make(count - 1));
    for (io::Core* core : host->others_->cores()) cores.push_back(core);
  }
  FL_TRY_ASSIGN(host->store_, store::open(*host->core_, {.url = host->spec_.store}));
  host->directory_ = std::make_unique<upstream::Directory>(*host->core_, *host->store_);
  FL_TRY_ASSIGN(host->gateway_,
                gateway::Gateway::make(host->spec_, {.cores = cores,
                                                     .metrics = host->metrics_,
                                                     .transitions = &host->transitions_,
                                                     .protection = host->protection_.get()}));
  FL_TRY_ASSIGN(host->bound_, runtime::EndBound::make(std::string(kName), [made = host.get()] {
                  return runtime::Unended{
                      .runs = std::string(made->gateway_->drain_state().phase_name()),
                      .calls_cut = made->requests_cut()};
                }));
  if (host->others_ != nullptr) FL_TRY(host->others_->start());
  FL_TRY(host->protection_->start(cores));
  return host;
}

GatewayHost::~GatewayHost() {
  if (protection_ != nullptr) protection_->end();
  if (others_ != nullptr) others_->stop();
}

Status GatewayHost::listen() {
  FL_TRY_ASSIGN(address_, gateway_->listen());
  if (!spec_.admin.empty()) {
    FL_TRY_ASSIGN(const io::Address wanted, io::Address::parse(spec_.admin));
    admin_ = admin::Server::make(*core_, metrics_, {.name = std::string(kName)});
    // One that has been followed speaks for its address, where the next one is ready.
    admin_->add_check(
        "gateway", [this] { return succession_.successor() != 0 ? Status() : gateway_->ready(); });
    for (admin::Page& page : service::links_pages(links_sources())) {
      admin_->add_page(std::move(page));
    }
    for (admin::Page& page : pages_) admin_->add_page(std::move(page));
    FL_TRY_ASSIGN(admin_address_, admin_->listen(wanted));
  }
  succession_.drop_rest();
  return {};
}

service::CoreLinks GatewayHost::look_at_core(std::size_t index, const service::LinksQuery& query) {
  service::CoreLinks out;
  gateway::Gateway::Links links = gateway_->links(index);
  service::look_at_links(links.peer, query, {}, out);
  for (auto& [name, endpoints] : links.services) {
    for (upstream::EndpointView& endpoint : endpoints) {
      out.endpoints.push_back({.service = name, .endpoint = std::move(endpoint)});
    }
  }
  return out;
}

service::LinksSources GatewayHost::links_sources() {
  return {.cores = cores_,
          .look = [this](std::size_t core,
                         const service::LinksQuery& query) { return look_at_core(core, query); },
          .process = [this]() -> service::ProcessState {
            return {.name = kName,
                    .phase = gateway_->drain_state().phase_name(),
                    .upgrade = succession_.describe(),
                    .generation = succession_.generation(),
                    .calls_cut = requests_cut()};
          },
          .transitions = &transitions_};
}

Status GatewayHost::follow() {
  for (const std::string& service : gateway_->services()) {
    if (!followed_.insert(service).second) continue;
    FL_TRY(directory_->follow(service, [this, service](const upstream::EndpointSnapshot& set) {
      gateway_->update(service, set);
    }));
  }
  return {};
}

Status GatewayHost::update(gateway::GatewaySpec spec) {
  FL_TRY(spec.limits.validate());
  FL_TRY(gateway_->update(spec));
  FL_CHECK(protection_->update(spec.limits).ok());  // they were checked
  spec_.limits = spec.limits;
  spec_.drain = spec.drain;
  spec_.notice = spec.notice;
  notice_ = spec.notice;
  drain_ = spec.drain;
  spec_.upgrade_ready_timeout = spec.upgrade_ready_timeout;
  return follow();  // the names were checked
}

std::string GatewayHost::admin_address() const {
  return admin_ == nullptr ? std::string() : admin_address_.to_text();
}

// Before it is not ready: at these addresses the other gateway is, and is asked for it.
Task<void> GatewayHost::give_back() {
  gateway_->stop_accepting();
  if (admin_ == nullptr) co_return;
  Status closed = co_await admin_->close(core_->deadline_after(kCloseTime));
  if (!closed.ok()) FL_LOG(debug, "gateway.not_given_back", {"reason", closed.reason()});
}

// For a balancer that may not know yet.
Duration GatewayHost::notice(bool failed) const {
  const bool alone = gateway_->drain_state().phase() == runtime::DrainState::Phase::kServing &&
                     !failed && succession_.successor() == 0;
  return alone ? spec_.notice : Duration::zero();
}

// New connections are served too.
Task<void> GatewayHost::leave(bool taken_over, Duration notice) {
  const Deadline noticed = core_->deadline_after(notice);
  const Duration patience = std::max(notice, taken_over ? kHandedOverTime : kLeavingTime);
  Status left =
      co_await gateway_->leave(taken_over ? "upgrade" : "stop", core_->deadline_after(patience));
  if (left.ok() && !noticed.passed(core_->now())) left = co_await Sleep(core_->timers(), noticed);
  if (!left.ok()) FL_LOG(debug, "gateway.not_left", {"reason", left.reason()});
}

void GatewayHost::told_to_end(bool taken_over) {
  bound_->begin(runtime::EndBound::of(notice_, drain_, taken_over));
}

Task<void> GatewayHost::close(bool failed) {
  const bool taken_over = succession_.successor() != 0;
  const Duration drain = spec_.drain;
  told_to_end(taken_over);
  if (succession_.borrows()) co_await give_back();
  co_await leave(taken_over, notice(failed));
  // The directory goes before the gateway, which it tells.
  Status ended = co_await directory_->close(core_->deadline_after(kCloseTime));
  Status drained = co_await gateway_->close(core_->deadline_after(drain));
  if (ended.ok()) ended = std::move(drained);
  if (admin_ != nullptr) {
    Status admin = co_await admin_->close(core_->deadline_after(kCloseTime));
    if (ended.ok()) ended = std::move(admin);
  }
  Status store = co_await store_->close(core_->deadline_after(kCloseTime));
  if (ended.ok()) ended = std::move(store);
  succession_.close();
  succession_.remove_pid_file();
  bound_->finish();
  if (ended.ok() && requests_cut() == 0) co_return;
  FL_LOG(warn, "gateway.not_drained", {"reason", ended.reason()}, {"message", ended.message()},
         {"calls_cut", requests_cut()});
}

}  // namespace fairlead::cli
