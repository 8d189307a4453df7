// What this room's tests call by short names.
#pragma once

#include "tests/testkit/raw_client.h"

namespace fairlead::http::testing {

using testkit::RawClient;
using testkit::turn_until;

}  // namespace fairlead::http::testing
