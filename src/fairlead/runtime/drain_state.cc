#include "fairlead/runtime/drain_state.h"

#include <array>
#include <utility>

namespace fairlead::runtime {
namespace {

constexpr std::array<std::string_view, 5> kPhaseNames = {"starting", "serving", "notice",
                                                         "draining", "closing"};

std::string_view name_of(DrainState::Phase phase) {
  return kPhaseNames[static_cast<std::size_t>(phase)];
}

}  // namespace

Status DrainState::make(Options options, observe::Registry& registry) {
  options_ = std::move(options);
  const std::string room = options_.event.substr(0, options_.event.find('.'));
  const std::string prefix = "fairlead_" + room + "_drain_";
  FL_TRY_ASSIGN(state_, registry.gauge({prefix + "state",
                                        "How far the process is: 0 starting, 1 serving, 2 notice, "
                                        "3 draining, 4 closing."}));
  FL_TRY_ASSIGN(cut_, registry.counter({prefix + "cut_total",
                                        "Calls that were still served when the drain's time was "
                                        "over."}));
  return {};
}

void DrainState::enter(Phase phase, std::string_view reason) {
  const Phase before = phase_.exchange(phase);
  if (before == phase) return;
  state_.set(static_cast<std::int64_t>(phase));
  // The log has lines of its own for what these mean.
  observe::tell(options_.transitions, observe::LogLevel::kDebug,
                {.event = options_.event,
                 .name = options_.name,
                 .from = name_of(before),
                 .to = name_of(phase),
                 .reason = reason});
}

std::string_view DrainState::phase_name() const { return name_of(phase()); }

}  // namespace fairlead::runtime
