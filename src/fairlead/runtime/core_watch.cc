#include "fairlead/runtime/core_watch.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/start_thread.h"
#include "fairlead/observe/log.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

Result<std::unique_ptr<CoreWatch>> CoreWatch::make(std::vector<io::Core*> cores, Options options,
                                                   observe::Registry& registry) {
  FL_TRY(validate(options));
  std::vector<Watched> watched;
  for (io::Core* core : cores) {
    const std::string number = std::to_string(watched.size());
    Watched each{.core = core};
    FL_TRY_ASSIGN(each.stuck_total,
                  registry.counter({"fairlead_runtime_core_stuck_total",
                                    "Turns of a core that lasted longer than stuck_after."},
                                   {{"core", number}}));
    FL_TRY_ASSIGN(each.longest_ms, registry.gauge({"fairlead_runtime_turn_longest_milliseconds",
                                                   "The longest turn of a core that was seen."},
                                                  {{"core", number}}));
    watched.push_back(std::move(each));
  }
  return std::unique_ptr<CoreWatch>(new CoreWatch(std::move(watched), options));
}

Status CoreWatch::validate(const Options& options) {
  const Duration after = options.stuck_after;
  if (after == Duration::zero() || (after >= 10ms && after <= 1h)) return {};
  return Status(Code::kBadMessage, "watch.bad_option",
                "stuck_after may be 0, or 10ms to 1h, not " + to_text(after));
}

Status CoreWatch::update(Options options) {
  FL_TRY(validate(options));
  {
    MutexLock lock(mutex_);
    options_ = options;
    updated_ = true;
  }
  changed_.notify_all();
  return {};
}

CoreWatch::~CoreWatch() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status CoreWatch::start() {
  FL_TRY_ASSIGN(thread_, start_thread("fl-core-watch", [this] { run(); }));
  return {};
}

void CoreWatch::run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      const Duration after = options_.stuck_after;
      const auto next = std::chrono::steady_clock::now() +
                        (after > Duration::zero() ? std::min<Duration>(after / 8, 250ms) : 1h);
      while (!ending_ && !updated_ && changed_.wait_until(mutex_, next)) {
      }
      if (ending_) return;
      updated_ = false;
    }
    look(steady_now());
  }
}

void CoreWatch::look(Time now) {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < cores_.size(); ++i) look_at(i, now);
}

void CoreWatch::look_at(std::size_t number, Time now) {
  Watched& watched = cores_[number];
  const io::CoreActivity activity = watched.core->activity();
  const Duration busy = activity.busy(now);
  if (busy > watched.longest) {
    watched.longest = busy;
    watched.longest_ms.set(milliseconds(busy));
  }
  if (watched.stuck && (!activity.running || activity.turn_began != watched.stuck_turn)) {
    watched.stuck = false;
    FL_LOG(warn, "core.moves", {"core", number}, {"method", watched.method},
           {"seconds", seconds(now - watched.stuck_turn)});
  }
  if (watched.stuck || !is_stuck(busy)) return;
  watched.stuck = true;
  watched.stuck_turn = activity.turn_began;
  watched.method = activity.method != nullptr ? *activity.method : std::string();
  ++watched.stuck_count;
  watched.stuck_total.add();
  FL_LOG(warn, "core.stuck", {"core", number}, {"method", watched.method},
         {"seconds", seconds(busy)}, {"connections", watched.core->load()});
}

std::vector<CoreReport> CoreWatch::report(Time now) const {
  std::vector<CoreReport> reports;
  MutexLock lock(mutex_);
  for (const Watched& watched : cores_) {
    const io::CoreActivity activity = watched.core->activity();
    const Duration busy = activity.busy(now);
    reports.push_back({.number = reports.size(),
                       .connections = watched.core->load(),
                       .running = activity.running,
                       .stuck = is_stuck(busy),
                       .method = activity.method != nullptr ? *activity.method : std::string(),
                       .busy = busy,
                       .turns = activity.turns,
                       .longest_turn = std::max(busy, watched.longest),
                       .stuck_count = watched.stuck_count});
  }
  return reports;
}

}  // namespace fairlead::runtime
