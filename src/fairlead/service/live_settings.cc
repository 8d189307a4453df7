#include "fairlead/service/live_settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fairlead/service/spec_source.h"

namespace fairlead::service {
namespace {

template <class Options, class... Fields>
void follow(Options& mine, const Options& before, const Options& now, Fields Options::*... fields) {
  const auto follow_one = [&](auto field) {
    if (before.*field != now.*field) mine.*field = now.*field;
  };
  (follow_one(fields), ...);
}

rpc::HeartbeatOptions with_changes(const rpc::HeartbeatOptions& mine,
                                   const rpc::HeartbeatOptions& before,
                                   const rpc::HeartbeatOptions& now) {
  using Options = rpc::HeartbeatOptions;
  Options next = mine;
  follow(next, before, now, &Options::mode, &Options::interval, &Options::timeout,
         &Options::miss_max, &Options::fast_probe, &Options::interval_min);
  // Each of two may be good, and a mixture not: a plugin's mode, with a number of the settings.
  return next.validate().ok() ? next : mine;
}

}  // namespace

rpc::PeerOptions with_changes(rpc::PeerOptions options, const rpc::PeerOptions& before,
                              const rpc::PeerOptions& now) {
  using Options = rpc::PeerOptions;
  follow(options, before, now, &Options::inflight_calls_max, &Options::write_queue_bytes_max,
         &Options::call_timeout, &Options::request_time_max, &Options::login_timeout,
         &Options::session_age);
  follow(options.limits, before.limits, now.limits, &wire::Limits::frame_bytes_max);
  follow(options.idle, before.idle, now.idle, &rpc::IdleOptions::read, &rpc::IdleOptions::write,
         &rpc::IdleOptions::both);
  follow(options.guards, before.guards, now.guards, &rpc::Guards::frame_time_max,
         &rpc::Guards::frame_rate_min, &rpc::Guards::slow_reader_after, &rpc::Guards::handlers_max);
  options.heartbeat = with_changes(options.heartbeat, before.heartbeat, now.heartbeat);
  return options;
}

rpc::PeerOptions limits_of(const Spec& spec, std::size_t cores) {
  rpc::PeerOptions limits = spec.limits;
  const std::size_t share = spec.handlers_max / std::max<std::size_t>(1, cores);
  limits.guards.handlers_max = static_cast<std::uint32_t>(std::max<std::size_t>(1, share));
  return limits;
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
  const rpc::PeerOptions limits_before = limits_of(before, core.cores);
  const rpc::PeerOptions limits = limits_of(now, core.cores);
  for (rpc::Peer* peer : {&core.serving, &core.calling}) {
    peer->update(with_changes(peer->options(), limits_before, limits));
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
    FL_TRY(check_settings(next->whole));
    FL_TRY(check_settings(next->spec));
    if (check_) FL_TRY(check_(next->whole, next->written));
    if (prepare_) {
      FL_TRY_ASSIGN(TakeRead take, prepare_(next->spec, next->written));
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
