#include "fairlead/runtime/end_bound.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "fairlead/base/start_thread.h"
#include "fairlead/observe/log.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRestTime = 8s;
// In which the callers of a process that another one has replaced are told.
constexpr Duration kGoingTimeMax = 30s;
constexpr Duration kTakenOverTimeMin = 60s;
constexpr unsigned kTellingSeconds = 1;
constexpr int kExitCut = 1;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// An alarm, since another thread that could wait may not be had. It finds this thread, if no other.
void end_soon() {
  struct sigaction action = {};
  action.sa_handler = [](int) { _exit(kExitCut); };
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::alarm(kTellingSeconds);
}

}  // namespace

Duration EndBound::of(Duration notice, Duration drain, bool taken_over) {
  if (!taken_over) return notice + drain + kRestTime;
  return std::max<Duration>(kTakenOverTimeMin, kGoingTimeMax + drain + kRestTime);
}

Result<std::unique_ptr<EndBound>> EndBound::make(std::string program,
                                                 std::function<Unended()> look) {
  std::unique_ptr<EndBound> made(new EndBound(std::move(program), std::move(look)));
  FL_TRY_ASSIGN(made->thread_, start_thread("fl-end-bound", [self = made.get()] { self->run(); }));
  return made;
}

EndBound::~EndBound() {
  finish();
  if (thread_.joinable()) thread_.join();
}

void EndBound::begin(Duration bound) {
  {
    const MutexLock lock(mutex_);
    if (!began_.has_value()) began_ = std::chrono::steady_clock::now();
    bound_ = std::max(bound_, bound);
  }
  changed_.notify_all();
}

void EndBound::stop_looking() {
  MutexLock lock(mutex_);
  wait_for_the_end();
  look_ = nullptr;
}

void EndBound::finish() {
  {
    MutexLock lock(mutex_);
    wait_for_the_end();
    ended_ = true;
  }
  changed_.notify_all();
}

// Once the time is over nothing may go away under who looks.
void EndBound::wait_for_the_end() {
  while (over_) changed_.wait(mutex_);
}

void EndBound::run() {
  std::function<Unended()> look;
  Duration bound{};
  {
    MutexLock lock(mutex_);
    while (!ended_ && !over_) {
      if (!began_.has_value()) {
        changed_.wait(mutex_);
        continue;
      }
      const auto until = *began_ + bound_;  // begin() may have more
      over_ = !changed_.wait_until(mutex_, until) && !ended_ && until == *began_ + bound_;
    }
    if (ended_) return;
    look = look_;
    bound = bound_;
  }
  end_process(look, bound);
}

// A terminal that takes nothing must not hold up the end.
void EndBound::end_process(const std::function<Unended()>& look, Duration bound) {
  end_soon();
  const Unended unended = look ? look() : Unended();
  FL_LOG(error, "service.not_ended", {"service", program_}, {"seconds", seconds(bound)},
         {"runs", unended.runs}, {"calls_cut", unended.calls_cut});
  observe::flush_default_log();
  _exit(kExitCut);
}

}  // namespace fairlead::runtime
