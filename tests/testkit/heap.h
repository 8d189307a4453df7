// What this program has taken from the heap: operator new and delete are counted in every program
// that links this file. Under the thread sanitizer all numbers are zero.
#pragma once

#include <cstdint>

namespace fairlead::testkit {

// Bytes are what malloc really gave. Blocks of malloc itself (C libraries) are not counted.
struct Heap {
  std::int64_t blocks = 0;        // alive now
  std::int64_t bytes = 0;         // alive now
  std::uint64_t allocations = 0;  // since the program began
};

// Thread: any.
Heap heap();

}  // namespace fairlead::testkit
