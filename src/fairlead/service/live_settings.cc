#include "fairlead/service/live_settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fairlead/service/spec_source.h"

namespace fairlead::service {
namespace {

template <class T>
void follow(T& mine, const T& before, const T& now) {
  if (before != now) mine = now;
}

}  // namespace

rpc::PeerOptions with_changes(rpc::PeerOptions options, const rpc::PeerOptions& before,
                              const rpc::PeerOptions& now) {
  const auto take = [&](auto rpc::PeerOptions::* field) {
    follow(options.*field, before.*field, now.*field);
  };
  follow(options.limits.frame_bytes_max, before.limits.frame_bytes_max, now.limits.frame_bytes_max);
  take(&rpc::PeerOptions::inflight_calls_max);
  take(&rpc::PeerOptions::write_queue_bytes_max);
  take(&rpc::PeerOptions::call_timeout);
  take(&rpc::PeerOptions::request_time_max);
  take(&rpc::PeerOptions::login_timeout);
  take(&rpc::PeerOptions::session_age);
  take(&rpc::PeerOptions::heartbeat);
  take(&rpc::PeerOptions::idle);
  return options;
}

rpc::Guards guards_of(const Spec& spec, std::size_t cores) {
  rpc::Guards guards = spec.limits.guards;
  const std::size_t share = spec.handlers_max / std::max<std::size_t>(1, cores);
  guards.handlers_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, share));
  return guards;
}

Status check_settings(const Spec& spec) {
  FL_TRY(spec.limits.validate());
  FL_TRY(spec.limits.guards.validate());
  FL_TRY(spec.protection.validate());
  FL_TRY(spec.dial.validate());
  FL_TRY(spec.dial_limits.validate());
  FL_TRY(spec.resend.options.validate());
  return spec.dedup.options.validate();
}

void apply_on_core(const Spec& before, const Spec& now, const LiveCore& core) {
  const rpc::Guards guards = guards_of(now, core.cores);
  const bool guarded_otherwise = guards != guards_of(before, core.cores);
  for (rpc::Peer* peer : {&core.serving, &core.calling}) {
    peer->update(with_changes(peer->options(), before.limits, now.limits));
    if (guarded_otherwise) FL_CHECK(peer->update(guards).ok());
  }
  for (upstream::Service* service : core.services) {
    service->update(now.dial);
    service->update(now.resend.options);
  }
  for (internal::ServedPort* port : core.ports) {  // behind the peers, whose options they look at
    port->update(core.index, now.undecided_connections_max);
  }
}

Result<std::unique_ptr<LiveSettings>> LiveSettings::make(Spec spec,
                                                         std::shared_ptr<SpecSource> source,
                                                         observe::Registry& metrics) {
  std::unique_ptr<LiveSettings> made(new LiveSettings(std::move(spec), std::move(source)));
  FL_TRY_ASSIGN(made->report_, ReloadReport::make(metrics));
  return made;
}

std::shared_ptr<const Spec> LiveSettings::now() const {
  const MutexLock lock(mutex_);
  return now_;
}

bool LiveSettings::has_file() const { return source_ != nullptr && source_->has_file(); }

ReloadOutcome LiveSettings::reload(const Apply& apply) {
  ReloadOutcome outcome;
  if (has_file()) outcome.file = source_->file();
  Status status = read_all(apply, outcome);
  if (!status.ok()) outcome.errors.push_back(std::move(status));
  report_.tell(outcome);
  return outcome;
}

Status LiveSettings::read_all(const Apply& apply, ReloadOutcome& outcome) {
  std::optional<SpecSource::Next> next;
  std::vector<TakeRead> takes;
  if (has_file()) {
    FL_TRY_ASSIGN(next, source_->read_again());
    FL_TRY(check_settings(next->spec));
    if (prepare_) {
      FL_TRY_ASSIGN(TakeRead take, prepare_(next->spec));
      takes.push_back(std::move(take));
    }
  }
  for (const Reread& reread : rereads_) {
    FL_TRY_ASSIGN(TakeRead take, reread());
    takes.push_back(std::move(take));
  }
  // Nothing can go wrong from here on.
  for (const TakeRead& take : takes) take();
  if (!next.has_value()) return {};
  for (const config::Change& change : next->live) outcome.changed.push_back(shown(change));
  for (const config::Change& change : next->at_start) {
    outcome.at_next_start.push_back(shown(change));
  }
  if (!next->live.empty()) {
    const std::shared_ptr<const Spec> before = now();
    const auto spec = std::make_shared<const Spec>(next->spec);
    {
      const MutexLock lock(mutex_);
      now_ = spec;
    }
    apply(before, spec);
  }
  source_->take(*std::move(next));
  return {};
}

}  // namespace fairlead::service
