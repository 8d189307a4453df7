#include "fairlead/service/live_settings.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "fairlead/observe/log.h"
#include "fairlead/service/spec_source.h"

namespace fairlead::service {
namespace {

constexpr std::size_t kChangesToldMax = 20;

// "limits.call_timeout: 250ms -> 1s; drain: 10s -> 20s"
std::string list_of(const std::vector<config::Change>& changes) {
  std::string out;
  for (std::size_t i = 0; i < std::min(changes.size(), kChangesToldMax); ++i) {
    out.append(i == 0 ? "" : "; ").append(to_text(changes[i]));
  }
  if (changes.size() <= kChangesToldMax) return out;
  return out + "; and " + std::to_string(changes.size() - kChangesToldMax) + " more";
}

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
  take(&rpc::PeerOptions::session_age);
  take(&rpc::PeerOptions::heartbeat);
  take(&rpc::PeerOptions::idle);
  return options;
}

Status check_settings(const Spec& spec) {
  FL_TRY(spec.limits.validate());
  FL_TRY(spec.limits.guards.validate());
  FL_TRY(spec.protection.connections.validate());
  FL_TRY(spec.dial.validate());
  FL_TRY(spec.dial_limits.validate());
  FL_TRY(spec.resend.options.validate());
  return spec.dedup.options.validate();
}

void apply_on_core(const Spec& before, const Spec& now, const LiveCore& core) {
  const auto guards_of = [&core](const Spec& spec) {
    return internal::share_of(spec.protection, spec.limits.guards, core.cores);
  };
  const rpc::Guards guards = guards_of(now);
  for (rpc::Peer* peer : {&core.serving, &core.calling}) {
    peer->update(with_changes(peer->options(), before.limits, now.limits));
    if (guards != guards_of(before)) FL_CHECK(peer->update(guards).ok());
  }
  for (upstream::Service* service : core.services) {
    service->update(now.dial);
    service->update(now.resend.options);
  }
}

Result<std::unique_ptr<LiveSettings>> LiveSettings::make(Spec spec,
                                                         std::shared_ptr<SpecSource> source,
                                                         observe::Registry& metrics) {
  std::unique_ptr<LiveSettings> made(new LiveSettings(std::move(spec), std::move(source)));
  FL_TRY_ASSIGN(made->reloads_,
                metrics.counter({"fairlead_service_config_reloads_total",
                                 "Times that the configuration was read again and counted."}));
  FL_TRY_ASSIGN(
      made->failures_,
      metrics.counter(
          {"fairlead_service_config_reloads_failed_total",
           "Times that the configuration was read again, was wrong, and changed nothing."}));
  FL_TRY_ASSIGN(made->waiting_keys_,
                metrics.gauge({"fairlead_service_config_waiting_keys",
                               "Keys whose values have changed and count at the next start."}));
  return made;
}

std::shared_ptr<const Spec> LiveSettings::now() const {
  const MutexLock lock(mutex_);
  return now_;
}

bool LiveSettings::has_file() const { return source_ != nullptr && source_->has_file(); }

bool LiveSettings::reload(const Apply& apply) {
  const Status status = read_all(apply);
  if (status.ok()) {
    reloads_.add();
    return true;
  }
  failures_.add();
  FL_LOG(error, "config.not_reloaded", {"reason", status.reason()}, {"message", status.message()});
  return false;
}

Status LiveSettings::read_all(const Apply& apply) {
  std::optional<SpecSource::Next> next;
  if (has_file()) {
    FL_TRY_ASSIGN(next, source_->read_again());
    FL_TRY(check_settings(next->spec));
  }
  std::vector<TakeRead> takes;
  for (const Reread& reread : rereads_) {
    FL_TRY_ASSIGN(TakeRead take, reread());
    takes.push_back(std::move(take));
  }
  // Nothing can go wrong from here on.
  for (const TakeRead& take : takes) take();
  if (!next.has_value()) return {};
  waiting_keys_.set(static_cast<std::int64_t>(next->at_start.size()));
  const std::string changed = list_of(next->live);
  const std::string waiting = list_of(next->at_start);
  if (!changed.empty()) {
    const std::shared_ptr<const Spec> before = now();
    const auto spec = std::make_shared<const Spec>(next->spec);
    {
      const MutexLock lock(mutex_);
      now_ = spec;
    }
    apply(before, spec);
  }
  source_->take(*std::move(next));
  FL_LOG(info, "config.reloaded", {"file", source_->file()},
         {"changed", changed.empty() ? std::string_view("nothing") : std::string_view(changed)});
  if (!waiting.empty()) FL_LOG(warn, "config.needs_restart", {"keys", waiting});
  return {};
}

}  // namespace fairlead::service
