#include "fairlead/runtime/end_bound.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "fairlead/observe/log.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRestTime = 8s;
// In which the callers of a process that another one has replaced are told.
constexpr Duration kGoingTimeMax = 30s;
constexpr Duration kTakenOverTimeMin = 60s;
constexpr Duration kTellingTime = 1s;
constexpr int kExitCut = 1;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Duration EndBound::of(Duration notice, Duration drain, bool taken_over) {
  if (!taken_over) return notice + drain + kRestTime;
  return std::max<Duration>(kTakenOverTimeMin, kGoingTimeMax + drain + kRestTime);
}

EndBound::EndBound(Duration bound, std::string program, std::function<Unended()> look)
    : bound_(bound), program_(std::move(program)), look_(std::move(look)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "fl-end-bound");
    run();
  });
}

EndBound::~EndBound() {
  {
    MutexLock lock(mutex_);
    wait_for_the_end();
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void EndBound::stop_looking() {
  MutexLock lock(mutex_);
  wait_for_the_end();
  look_ = nullptr;
}

// Once the time is over nothing may go away under who looks.
void EndBound::wait_for_the_end() {
  while (over_) changed_.wait(mutex_);
}

void EndBound::run() {
  const auto until = std::chrono::steady_clock::now() + bound_;
  std::function<Unended()> look;
  {
    MutexLock lock(mutex_);
    while (!ended_ && changed_.wait_until(mutex_, until)) {
    }
    if (ended_) return;
    over_ = true;
    look = look_;
  }
  end_process(look);
}

// A terminal that takes nothing must not hold up the end, so that somebody else tells.
void EndBound::end_process(const std::function<Unended()>& look) {
  std::thread([this, &look] {
    const Unended unended = look ? look() : Unended();
    FL_LOG(error, "service.not_ended", {"service", program_}, {"seconds", seconds(bound_)},
           {"runs", unended.runs}, {"calls_cut", unended.calls_cut});
    observe::flush_default_log();
    _exit(kExitCut);
  }).detach();
  std::this_thread::sleep_for(kTellingTime);
  _exit(kExitCut);
}

}  // namespace fairlead::runtime
