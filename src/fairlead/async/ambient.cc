#include "fairlead/async/ambient.h"

namespace fairlead {

constinit thread_local const Ambient* internal::ambient_now = nullptr;

}  // namespace fairlead
