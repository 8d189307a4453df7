// What a process says of itself when its end takes too long: it goes away under those that run.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/time.h"
#include "fairlead/service/process.h"

namespace fairlead::service {
namespace {

constexpr std::chrono::milliseconds kAnswerTime{300};

// What one core has cut, and how many of its handlers run nevertheless.
struct CoreRest {
  std::uint64_t cut = 0;
  std::size_t running = 0;
};

void add_rest(rpc::Peer& peer, CoreRest& rest) {
  rest.cut += peer.calls_cut();
  peer.for_each_session(
      [&rest](const rpc::Session& session) { rest.running += session.handlers_running(); });
}

// By core; nullopt: it did not answer, something holds it. Letters may come when nobody waits any
// more.
struct Answers {
  Mutex mutex;
  CondVar changed;
  std::vector<std::optional<CoreRest>> rests FL_GUARDED_BY(mutex);
  std::size_t missing FL_GUARDED_BY(mutex) = 0;

  void tell(std::size_t core, CoreRest rest) {
    const MutexLock lock(mutex);
    rests[core] = rest;
    --missing;
    changed.notify_all();
  }
  std::vector<std::optional<CoreRest>> wait() {
    const auto until = std::chrono::steady_clock::now() + kAnswerTime;
    MutexLock lock(mutex);
    while (missing > 0 && changed.wait_until(mutex, until)) {
    }
    return rests;
  }
};

// "core 1 (2 handlers)"
void append(std::string& list, const std::string& what, const std::string& how) {
  list.append(list.empty() ? "" : ", ").append(what).append(" (").append(how).append(")");
}

}  // namespace

// On a thread of its own, while the main thread waits and cores may hang.
runtime::Unended Process::unended() {
  runtime::Unended out;
  const auto answers = std::make_shared<Answers>();
  {
    const MutexLock lock(answers->mutex);
    answers->rests.resize(serving_.size());
    answers->missing = serving_.size();
  }
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    serving_[i]->core().post(
        [answers, i, serving = serving_[i].get(), calling = calling_[i].get()] {
          CoreRest rest;
          add_rest(*serving, rest);
          add_rest(*calling, rest);  // who was dialled may call back
          answers->tell(i, rest);
        });
  }
  const std::vector<std::optional<CoreRest>> rests = answers->wait();
  for (std::size_t i = 0; i < rests.size(); ++i) {
    const std::string core = "core " + std::to_string(i);
    if (rests[i].has_value()) {
      out.calls_cut += rests[i]->cut;
      if (rests[i]->running == 0) continue;
      append(out.runs, core, std::to_string(rests[i]->running) + " handlers");
      continue;
    }
    const io::CoreActivity activity = serving_[i]->core().activity();
    if (!activity.running) continue;                  // it has ended already
    if (activity.method != nullptr) ++out.calls_cut;  // at least
    append(out.runs, core, activity.method != nullptr ? "held by " + *activity.method : "held");
  }
  out.calls_cut = std::max(out.calls_cut, calls_cut());
  // Asked of the metrics, since the pool itself may go away meanwhile.
  for (const auto& [name, places] : pools_) {
    const auto running =
        metrics_.gauge({"fairlead_runtime_pool_running_jobs", ""}, {{"pool", name}});
    if (!running.ok() || running->value() == 0) continue;
    append(out.runs, "pool " + name, std::to_string(running->value()) + " jobs");
  }
  return out;
}

}  // namespace fairlead::service
