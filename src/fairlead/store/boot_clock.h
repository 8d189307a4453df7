// The machine's boot clock and the name of its boot: the time base of leases.
#pragma once

#include <string>

#include "fairlead/store/engine.h"

namespace fairlead::store::internal {

// CLOCK_BOOTTIME: milliseconds since the machine started, sleeping included. All processes of a
// machine read the same.
BootTime boot_now();

// /proc/sys/kernel/random/boot_id; "unknown" where it cannot be read.
std::string boot_id();

}  // namespace fairlead::store::internal
