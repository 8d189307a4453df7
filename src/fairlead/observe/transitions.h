// Transitions: the last changes of state of a process, for people who look at it.
//
//   transitions.tell(LogLevel::kInfo, {.event = "link.state", .name = address, .from = "alive",
//                                      .to = "suspect", .reason = "missed", .evidence = "1 PING"});
//
// Each is a line of the log and an entry of the admin page /links, the same words in both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/observe/log_field.h"

namespace fairlead::observe {

// Borrowed for the call. `event` is a literal, its part before the dot names the component; the
// other texts may come from outside.
struct Transition {
  std::string_view event;
  std::string_view name;  // of what has the state: an address, a section of the configuration
  std::string_view from;
  std::string_view to;
  std::string_view reason{};    // a stable token; empty: the states say it
  std::string_view evidence{};  // what was seen: numbers, a message
};

// Thread: any. Cost: a line of the log, a lock and copies of the texts; nothing between changes.
class Transitions {
 public:
  static constexpr std::size_t kKeptMax = 256;  // then the oldest goes
  static constexpr std::size_t kTextBytesMax = 200;

  struct Kept {
    std::int64_t wall_ms = 0;
    std::uint64_t number = 0;                                // 1 for the first of the process
    std::string component{};                                 // "link"
    std::string name{}, from{}, to{}, reason{}, evidence{};  // cut at kTextBytesMax
  };

  Transitions() = default;
  Transitions(const Transitions&) = delete;
  Transitions& operator=(const Transitions&) = delete;

  void tell(LogLevel level, const Transition& transition) FL_EXCLUDES(mutex_);
  // The latest first.
  std::vector<Kept> recent() const FL_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<Kept> kept_ FL_GUARDED_BY(mutex_);
  std::uint64_t count_ FL_GUARDED_BY(mutex_) = 0;
};

// The same where nobody keeps them: only the line of the log.
void tell(Transitions* transitions, LogLevel level, const Transition& transition);

}  // namespace fairlead::observe
