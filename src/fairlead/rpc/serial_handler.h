// Handlers that end in the order in which their PUSHes came, for each session by itself.
//
// PUSHes start in the order of their arrival. A handler that waits may still end behind a later
// one; made serial, it starts only when the one before it has ended. The others wait in a line of
// their session and route, which holds up nothing else: neither CALLs nor REPLYs, nor PUSHes of
// other routes.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

#include "fairlead/async/event.h"
#include "fairlead/rpc/handler.h"

namespace fairlead::rpc {

// PUSHes of one session that wait in one line; the next one fails with kOverloaded
// `route.serial_queue` (counted in pushes_failed).
inline constexpr std::size_t kSerialPushesMax = 256;

// `inner` itself when it does not wait: it is serial already. For PUSHes; a CALL would hold up
// those behind it. Those that wait in line count among the handlers of their session, and the
// deadline of a handler counts from the arrival of its PUSH.
std::unique_ptr<Handler> make_serial(std::unique_ptr<Handler> inner);

namespace internal {

// The lines of one session. Thread: its core.
class SerialLines {
 public:
  struct Line {
    bool busy = false;           // a handler runs
    std::deque<Event*> waiting;  // those behind it, the next one first
  };
  // Stays where it is for the session's life.
  Line& line(const Handler& route) { return lines_[&route]; }

 private:
  std::map<const Handler*, Line> lines_;
};

}  // namespace internal
}  // namespace fairlead::rpc
