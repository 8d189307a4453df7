// What most sessions never have, so that an idle one stays small. Private to the session's sources.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "fairlead/async/cancel.h"
#include "fairlead/async/event.h"
#include "fairlead/rpc/duplicate_windows.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/rpc/serial_handler.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/session_backlog.h"
#include "fairlead/rpc/session_control.h"

namespace fairlead::rpc {

// Made by seldom() at the first use of any of it, and kept.
struct Session::Seldom {
  // A frame that came in pieces: `half_read_` says whether one is cut now.
  struct CutFrame {
    Time began{};             // its first byte came
    std::uint32_t bytes = 0;  // of it that are there
    std::uint32_t seen = 0;   // that were there at the last look
    std::uint8_t looks = 0;   // so many
  };

  ClosedHandler closed_handler{};
  LeavingHandler leaving_handler{};
  std::optional<CancelSource> cancel{};
  std::unique_ptr<Event> idle{};                        // made by close(): no handler runs
  std::unique_ptr<Event> gone{};                        // made by close(): the stream is gone
  std::unique_ptr<Hello> hello{};                       // ours, of the dialling side
  ResendLine* line = nullptr;                           // of the dialling side, too
  std::unique_ptr<internal::Sealing> sealing{};         // while seals_: the body under construction
  std::unique_ptr<internal::HookedCall> hooked_push{};  // under construction
  std::unique_ptr<internal::SerialLines> serial_lines{};
  std::unique_ptr<Backlog> backlog{};                // null: what is sent leaves
  std::unique_ptr<DuplicateWindows::Lease> lease{};  // of the accepting side: has_window_
  std::shared_ptr<Session*> self{};  // made with a lease; holds null when the session is closed
  Time old_since = Time::max();      // max: it is not old
  Duration retry_after{};            // told by the peer's goaway
  CutFrame cut_frame{};
};

inline Session::Backlog* Session::backlog() const {
  return seldom_ == nullptr ? nullptr : seldom_->backlog.get();
}

}  // namespace fairlead::rpc
