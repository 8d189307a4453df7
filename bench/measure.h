// measure.h: what every load client of bench/ shares: latencies, CPU time and counters of server
// and client over a window, one line of JSON at the end. Options: options.h.
//
//   warm-up --warm_s over--> measuring --measure_s over--> JSON, exit(0)
//
// There is no second thread: the client's own loop drives the window by telling each finished call,
// so nothing of the measurement runs beside what is measured.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace fairlead::bench {

// Nanoseconds of the steady clock.
std::uint64_t now_ns();

// Durations in 128 steps per power of two: less than 1 % off, no allocation.
class Histogram {
 public:
  void add(std::uint64_t ns) {
    ++counts_[index_of(ns)];
    ++count_;
    sum_ += ns;
  }
  std::uint64_t count() const { return count_; }
  double mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // The duration that a share `q` (0 .. 1) of all stays below.
  std::uint64_t quantile(double q) const;

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;

  static std::size_t index_of(std::uint64_t ns) {
    if (ns < kSteps) return static_cast<std::size_t>(ns);
    const auto shift = 63 - kStepBits - static_cast<unsigned>(__builtin_clzll(ns));
    return (shift + 1) * kSteps + static_cast<std::size_t>((ns >> shift) & (kSteps - 1));
  }
  static std::uint64_t value_of(std::size_t index);

  std::array<std::uint64_t, (64 - kStepBits + 1) * kSteps> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

// Counters of the kernel on every thread of one process. Zero where the machine has none.
class Counters {
 public:
  struct Values {
    std::uint64_t user_instructions = 0;
    std::uint64_t kernel_instructions = 0;
    std::uint64_t system_calls = 0;
  };
  // Threads that start later are counted when they are children of those that are there.
  void open(pid_t process);
  Values read() const;

 private:
  std::vector<int> user_;
  std::vector<int> kernel_;
  std::vector<int> calls_;
};

// One run. Thread: one. Made before the client connects.
//
//   Measurement run(options);
//   ... connect ...
//   run.begin();
//   each call: if (run.may_start()) send it;  then run.completed(began_ns, now_ns) or run.failed()
//
// In an open loop a call begins when its schedule says, not when it could be sent: what had to wait
// behind others is counted with its wait.
// completed() and failed() print the line and end the process when the run is over. A watchdog ends
// it with 1 when no reply comes for too long.
class Measurement {
 public:
  explicit Measurement(Options options);

  void begin();
  // False: no further call is wanted on this connection.
  bool may_start() {
    if (started_ >= calls_max_) return false;
    ++started_;
    return true;
  }
  void completed(std::uint64_t began_ns, std::uint64_t now) {
    if (measuring_) latencies_.add(now > began_ns ? now - began_ns : 0);
    ++ended_;
    if (now >= next_step_ns_ || ended_ == calls_max_) step();
  }
  // A reply that is not what it should be, or none. The first three are explained on stderr.
  void failed(std::string_view what);

  const Options& options() const { return options_; }

 private:
  struct Snapshot {
    std::uint64_t at_ns = 0;
    double server_cpu_s = 0;
    double server_user_s = 0;
    double server_system_s = 0;
    double client_cpu_s = 0;
    double client_user_s = 0;
    double client_system_s = 0;
    std::uint64_t voluntary_switches = 0;
    std::uint64_t involuntary_switches = 0;
    std::uint64_t server_kib = 0;
    std::uint64_t server_private_kib = 0;  // written by it and shared with nobody; when idle only
    Counters::Values server;
    Counters::Values client;
  };

  Snapshot look() const;
  void start_window();
  void step();
  void print_counters(const Snapshot& after, double calls) const;
  [[noreturn]] void report();
  [[noreturn]] void report_idle();

  const Options options_;
  Histogram latencies_;
  Counters server_counters_;
  Counters client_counters_;
  Snapshot before_;
  std::uint64_t calls_max_;
  std::uint64_t started_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t next_step_ns_ = ~std::uint64_t{0};
  bool measuring_ = false;
};

// For clients that cannot go on: prints `what` and ends the process with 1.
[[noreturn]] void give_up(std::string_view what);

}  // namespace fairlead::bench
