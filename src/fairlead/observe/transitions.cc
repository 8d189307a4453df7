#include "fairlead/observe/transitions.h"

#include <utility>

#include "fairlead/base/time.h"
#include "fairlead/observe/log.h"

namespace fairlead::observe {
namespace {

void log(LogLevel level, const Transition& change) {
  if (!internal::default_enabled(level)) return;
  internal::log_default(level, change.event,
                        {{"name", change.name},
                         {"from", change.from},
                         {"to", change.to},
                         {"reason", change.reason},
                         {"evidence", change.evidence}});
}

std::string cut(std::string_view text) {
  return std::string(text.substr(0, Transitions::kTextBytesMax));
}

}  // namespace

void Transitions::tell(LogLevel level, const Transition& transition) {
  log(level, transition);
  Kept kept{.wall_ms = wall_ms(),
            .component = std::string(transition.event.substr(0, transition.event.find('.'))),
            .name = cut(transition.name),
            .from = cut(transition.from),
            .to = cut(transition.to),
            .reason = cut(transition.reason),
            .evidence = cut(transition.evidence)};
  const MutexLock lock(mutex_);
  kept.number = ++count_;
  kept_.push_front(std::move(kept));
  if (kept_.size() > kKeptMax) kept_.pop_back();
}

std::vector<Transitions::Kept> Transitions::recent() const {
  const MutexLock lock(mutex_);
  return {kept_.begin(), kept_.end()};
}

void tell(Transitions* transitions, LogLevel level, const Transition& transition) {
  if (transitions != nullptr)
    transitions->tell(level, transition);
  else
    log(level, transition);
}

}  // namespace fairlead::observe
