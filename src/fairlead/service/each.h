// each(): one call for every item, some of them at a time.
//
//   co_await fl::each(arguments, 64,
//       [&](const DivideArg& argument) { return math.divide(argument); },
//       [&](std::size_t index, fl::Result<DivideResult> reply) { ... });
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/check.h"
#include "fairlead/io/core.h"

namespace fairlead::service {

namespace internal {

template <class Items, class MakeCall, class OnResult>
struct EachState {
  Items items;
  std::size_t at_once;
  MakeCall make_call;
  OnResult on_result;
  std::optional<Ambient> inherits{};
  std::size_t next = 0;
  std::size_t running = 0;
  bool filling = false;  // start_more() is on the stack
  bool dropped = false;  // nobody waits: what the functions refer to may be gone
  Event done{};

  // Calls that end at once end inside the loop: no recursion, however many there are.
  static void start_more(const std::shared_ptr<EachState>& state) {
    if (state->filling || state->dropped) return;
    state->filling = true;
    const AmbientScope here(state->inherits.has_value() ? &*state->inherits : nullptr);
    while (state->running < state->at_once && state->next < state->items.size()) {
      const std::size_t index = state->next++;
      ++state->running;
      auto call = state->make_call(std::as_const(state->items)[index]);
      std::move(call).then([state, index](auto result) {
        --state->running;
        if (state->dropped) return;
        state->on_result(index, std::move(result));
        start_more(state);
      });
    }
    state->filling = false;
    if (state->running == 0 && state->next == state->items.size()) state->done.set();
  }
};

}  // namespace internal

// `items` is a vector or the like. `make_call` makes a call (fl::Call) of an item; at most
// `at_once`, 1 or more, are under way. `on_result` gets each result with its item's number, in the
// order in which they come, on this core. Ends when all have ended. Neither function may wait; what
// they refer to lives as long as this is awaited: an end before that starts no more calls and tells
// no more results. Thread: a core's. Calls inherit deadline and token as any others.
template <class Items, class MakeCall, class OnResult>
Task<void> each(Items items, std::size_t at_once, MakeCall make_call, OnResult on_result) {
  using State = internal::EachState<Items, MakeCall, OnResult>;
  struct Drop {
    std::shared_ptr<State> state;
    ~Drop() { state->dropped = true; }
  };
  const Drop each{std::make_shared<State>(std::move(items), std::max<std::size_t>(1, at_once),
                                          std::move(make_call), std::move(on_result))};
  if (ambient() != nullptr) each.state->inherits = *ambient();
  State::start_more(each.state);
  Status waited = co_await each.state->done.wait(io::Core::current()->timers(), Deadline());
  FL_CHECK(waited.ok());
}

}  // namespace fairlead::service
