// Prints how far apart two CPUs are: nanoseconds for the round trip of a cache line between them.
//
//   cpu_distance CPU CPU
//
// On a virtual machine this changes when the host moves the virtual CPUs, and with it what it costs
// to wake the other side of a connection. The least of many short series counts: whatever else runs
// only makes one longer. Takes 30 ms, and up to 300 when others keep the CPUs busy.
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

bool run_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

// Odd numbers are served by us, even ones by the other thread; each side answers with the next one.
alignas(128) std::atomic<std::uint64_t> ball{0};
alignas(128) std::atomic<bool> over{false};

void return_balls() {
  while (!over.load(std::memory_order_relaxed)) {
    const std::uint64_t seen = ball.load(std::memory_order_acquire);
    if (seen % 2 == 1) ball.store(seen + 1, std::memory_order_release);
  }
}

double series_ns() {
  constexpr int kRounds = 500;
  const Clock::time_point began = Clock::now();
  std::uint64_t last = ball.load(std::memory_order_relaxed);
  for (int i = 0; i < kRounds; ++i) {
    ball.store(last + 1, std::memory_order_release);
    while (ball.load(std::memory_order_acquire) != last + 2) {
    }
    last += 2;
  }
  return std::chrono::duration<double, std::nano>(Clock::now() - began).count() / kRounds;
}

}  // namespace

int main(int argc, char** argv) {
  const int ours = argc == 3 ? std::atoi(argv[1]) : -1;
  const int theirs = argc == 3 ? std::atoi(argv[2]) : -1;
  if (ours < 0 || theirs < 0 || ours == theirs || !run_on(ours)) {
    std::fprintf(stderr, "usage: %s CPU CPU (two that there are)\n", argv[0]);
    return 2;
  }
  std::atomic<int> started{0};
  std::thread other([theirs, &started] {
    started = run_on(theirs) ? 1 : -1;
    if (started == 1) return_balls();
  });
  while (started == 0) std::this_thread::yield();
  double least_ns = 1e9;
  if (started == 1) {
    using std::chrono::milliseconds;
    constexpr int kSeriesMin = 50;
    const Clock::time_point began = Clock::now();
    for (int i = 0; Clock::now() < began + milliseconds(i < kSeriesMin ? 300 : 30); ++i) {
      least_ns = std::min(least_ns, series_ns());
    }
  }
  over = true;
  other.join();
  if (started != 1) return 2;
  std::printf("%.0f\n", least_ns);
}
