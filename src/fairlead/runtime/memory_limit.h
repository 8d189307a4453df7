// How much memory this process has, and how much it may have.
#pragma once

#include <cstdint>
#include <string>

namespace fairlead::runtime {

// The least of what the process's cgroups allow (version 2, or 1) and the machine has, in bytes.
// `root`: where the system's files are seen; for tests. Never 0.
std::uint64_t memory_limit(const std::string& root = "/");

// What the process holds in memory at this moment, in bytes; 0: the system does not say.
std::uint64_t memory_used();

// Gives what the allocator keeps for later back to the system.
void release_idle_memory();

}  // namespace fairlead::runtime
