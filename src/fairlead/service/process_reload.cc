// What a process does when its configuration, its keys or its certificates are read again.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "fairlead/observe/log.h"
#include "fairlead/service/process.h"
#include "fairlead/service/spec_source.h"

namespace fairlead::service {

runtime::CoreWatch::Options Process::watch_options(const Spec& spec) {
  using namespace std::chrono_literals;
  if (spec.stuck_after == Duration::zero()) return {.stuck_after = Duration::zero()};
  return {.stuck_after = std::max<Duration>(spec.stuck_after, 10ms)};
}

bool Process::rereads_files() const {
  return settings_->has_file() || !spec_.tls.certificates.empty() || spec_.secure.asked_for() ||
         std::ranges::any_of(spec_.plugins, &PluginSpec::rereads_files);
}

Result<TakeRead> Process::reread_keys() {
  FL_TRY_ASSIGN(rpc::SecureKeys keys, read_secure_keys(spec_.secure));
  return TakeRead([this, keys = std::move(keys)] {
    secure_->replace(keys);
    FL_LOG(info, "secure.reloaded");
  });
}

bool Process::reload() {
  const MutexLock lock(settling_mutex_);
  reading_ = reload_desk_->begin();
  outcome_ =
      settings_->reload([this](const std::shared_ptr<const Spec>& before,
                               const std::shared_ptr<const Spec>& now) { apply(before, now); });
  return outcome_.ok();
}

void Process::reloaded(std::vector<Status> certificates) {
  for (Status& wrong : certificates) outcome_.errors.push_back(std::move(wrong));
  reload_desk_->told(reading_, std::exchange(outcome_, {}));
}

void Process::apply(const std::shared_ptr<const Spec>& before,
                    const std::shared_ptr<const Spec>& now) {
  apply_log_level(*now);
  FL_CHECK(protection_->update(now->protection).ok());  // it was checked
  tls_->update_handshake_timeout(now->tls.handshake_timeout);
  dial_limits_.update(now->dial_limits);
  if (hub_ != nullptr) {
    hub_->update(now->dial);
    hub_->update(now->resend.options);
    hub_->update_delivery(now->resend.mode);
    hub_->update_broadcast_queue(now->broadcast_queue_bytes_max);
  }
  resend_budget_.update(now->resend.process_bytes_max);
  windows_->update(now->dedup.options);
  FL_CHECK(watch_->update(watch_options(*now)).ok());
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    serving_[i]->core().post([this, i, before, now] {
      LiveCore core{
          .serving = *serving_[i], .calling = *calling_[i], .index = i, .cores = serving_.size()};
      {
        const MutexLock lock(parts_mutex_);
        for (const auto& [name, target] : targets_) {
          core.services.push_back(target->places_[i].service.get());
        }
        for (const auto& port : ports_) core.ports.push_back(port.get());
      }
      apply_on_core(*before, *now, core);
    });
  }
}

void Process::apply_log_level(const Spec& now) {
  if (logger_ == nullptr) return static_cast<void>(make_log(now));  // nobody to tell when it fails
  observe::LogLevel level{};
  FL_CHECK(observe::parse_level(now.log_level, level));
  logger_->set_level(level);
}

Result<TakeRead> Process::prepare(const Spec& next, const config::Document& written) {
  FL_TRY_ASSIGN(const TakeRead clients, prepare_clients(next, written));
  FL_TRY_ASSIGN(const TakeRead pools, prepare_pools(next));
  return TakeRead([clients, pools] {
    clients();
    pools();
  });
}

}  // namespace fairlead::service
