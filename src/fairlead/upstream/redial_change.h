// What is counted and told of each change of a Redial, whoever has it: an endpoint of a service, or
// a session that comes back.
#pragma once

#include <string_view>

#include "fairlead/base/time.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/upstream/metrics.h"
#include "fairlead/upstream/redial.h"

namespace fairlead::upstream {

// Borrowed for the call.
struct RedialChange {
  std::string_view event;  // a literal
  std::string_view name;   // of the link, for people
  Redial::State before;
  std::string_view reason;  // a stable token
};

// Thread: the owner's of `redial`. `transitions`: null where nobody keeps them.
void tell_change(const Redial& redial, const RedialChange& change, Time now, const Metrics& metrics,
                 observe::Transitions* transitions);

}  // namespace fairlead::upstream
