// Counts malloc and its kin in this program, whoever calls them: operator new, C libraries, us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fairlead::allocations {

// Blocks taken while it lives, on all threads. One at a time.
class MallocCount {
 public:
  MallocCount();
  ~MallocCount();
  MallocCount(const MallocCount&) = delete;
  MallocCount& operator=(const MallocCount&) = delete;

  std::uint64_t blocks() const;
  // The stack of the first of them, for the message of a failed test. Ends the count.
  std::string first_stack();
};

// Bytes that malloc has given out and not been given back.
std::size_t bytes_in_use();

}  // namespace fairlead::allocations
