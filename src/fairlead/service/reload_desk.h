// ReloadDesk: POST /config/reload of the admin listener: the configuration is read again as on HUP,
// and the answer says what came of it.
//
//   POST ─► number n ─► ask() ─► begin(): numbers up to m ─► told(m, outcome) ─► answers n <= m
//
// A reading that had begun before somebody asked does not answer him: his file may be newer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/admin/server.h"
#include "fairlead/async/event.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/service/reload_outcome.h"

namespace fairlead::service {

// Thread:   the core's; begin(), told() and end() on any.
// Lifetime: the core outlives it. end() before what `ask` needs goes; the page's listener has
//           closed before its destruction.
class ReloadDesk {
 public:
  static constexpr std::size_t kWaitingMax = 16;  // beyond: 503 `config.reload_busy`
  static constexpr Duration kPatience = std::chrono::seconds(30);

  // `ask`: asks for a reading, on the core; it begins after that.
  ReloadDesk(io::Core& core, std::function<void()> ask);
  ~ReloadDesk();
  ReloadDesk(const ReloadDesk&) = delete;
  ReloadDesk& operator=(const ReloadDesk&) = delete;

  // 200 with to_json(); 422 with the same when something is wrong; 400 `admin.bad_body`, when the
  // body is neither empty nor {}; 503 `config.reload_busy`, `config.ending`; 504 `wait.deadline`:
  // it is not read yet after kPatience, a slow disk perhaps.
  admin::Page page();

  // A reading begins; gives what told() wants to know.
  std::uint64_t begin() const { return state_->asked.load(); }
  // It has ended.
  void told(std::uint64_t begun, ReloadOutcome outcome);
  // Nothing is read any more: whoever waits or comes is told so.
  void end();

 private:
  struct Waiting {
    std::uint64_t number = 0;
    std::string json{};  // empty: the program ends
    bool ok = false;
    Event done{};
  };
  // Outlives the desk for letters that are under way.
  struct State {
    std::atomic<std::uint64_t> asked{0};
    std::vector<Waiting*> waiting{};
    bool ended = false;

    void answer(std::uint64_t up_to, bool ok, const std::string& json);
  };

  Task<Result<http::Response>> read_again(http::Request& request);

  io::Core& core_;
  const std::function<void()> ask_;
  const std::shared_ptr<State> state_;
};

}  // namespace fairlead::service
