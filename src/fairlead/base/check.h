// Checks for bugs of ours. What a peer, a file or a user can cause is a Status, never a check.
#pragma once

#include <string_view>

namespace fairlead::internal {

// Prints file, line, the failed expression and `detail` to stderr, then aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               std::string_view detail = {});

}  // namespace fairlead::internal

// Ends the process when `condition` is false, in release builds too.
#define FL_CHECK(condition)     \
  (static_cast<bool>(condition) \
       ? void(0)                \
       : ::fairlead::internal::check_failed(__FILE__, __LINE__, #condition))

// For costly checks: only in builds without NDEBUG.
#ifdef NDEBUG
#define FL_DCHECK(condition) void(0)
#else
#define FL_DCHECK(condition) FL_CHECK(condition)
#endif
