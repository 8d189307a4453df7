#include "measure.h"

#include <dirent.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <limits>

namespace fairlead::bench {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

double seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// The CPU time that a process has used, all its threads, to the nanosecond.
double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return seconds(time);
}

std::string proc_file(pid_t process, std::string_view name) {
  return "/proc/" + std::to_string(process) + "/" + std::string(name);
}

// The threads of a process.
std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  DIR* const folder = opendir(proc_file(process, "task").c_str());
  if (folder == nullptr) return threads;
  while (const dirent* entry = readdir(folder)) {
    const pid_t thread = std::atoi(entry->d_name);
    if (thread > 0) threads.push_back(thread);
  }
  closedir(folder);
  return threads;
}

// The numbers behind `key` in a file of lines "key: number ...", added up over its lines.
std::uint64_t field_of(const std::string& file, std::string_view key) {
  std::ifstream input(file);
  std::uint64_t sum = 0;
  for (std::string line; std::getline(input, line);) {
    if (line.starts_with(key)) sum += std::strtoull(line.c_str() + key.size(), nullptr, 10);
  }
  return sum;
}

// User and system time in the coarse ticks of /proc: fields 14 and 15 of stat, the second of which
// ends the name, which may hold blanks.
void read_ticks(pid_t process, double& user_s, double& system_s) {
  std::ifstream input(proc_file(process, "stat"));
  std::string text;
  std::getline(input, text);
  std::size_t at = text.rfind(')');
  if (at == std::string::npos) return;
  for (int field = 2; field < 14 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  if (at == std::string::npos) return;
  char* end = nullptr;
  const auto tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  user_s = static_cast<double>(std::strtoull(text.c_str() + at, &end, 10)) / tick;
  system_s = static_cast<double>(std::strtoull(end, nullptr, 10)) / tick;
}

int open_counter(std::uint32_t type, std::uint64_t config, pid_t thread, bool user, bool kernel) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = type;
  attributes.config = config;
  attributes.exclude_user = user ? 0 : 1;
  attributes.exclude_kernel = kernel ? 0 : 1;
  attributes.inherit = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &attributes, thread, -1, -1, 0));
}

std::uint64_t sum_of(const std::vector<int>& counters) {
  std::uint64_t sum = 0;
  std::uint64_t value = 0;
  for (const int counter : counters) {
    if (counter >= 0 && read(counter, &value, sizeof(value)) == sizeof(value)) sum += value;
  }
  return sum;
}

void on_alarm(int) {
  constexpr std::string_view kWhat = "the run did not end in time: replies are missing\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kWhat.data(), kWhat.size());
  _exit(1);
}

// Leaves at once: neither other threads nor open calls are waited for.
[[noreturn]] void leave() {
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void give_up(std::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  _exit(1);
}

std::uint64_t Histogram::value_of(std::size_t index) {
  if (index < kSteps) return index;
  const std::size_t shift = index / kSteps - 1;
  return ((kSteps + index % kSteps) << shift) + ((std::uint64_t{1} << shift) >> 1);
}

std::uint64_t Histogram::quantile(double q) const {
  const auto below = static_cast<std::uint64_t>(static_cast<double>(count_) * q);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > below) return value_of(i);
  }
  return 0;
}

void Counters::open(pid_t process) {
  std::uint64_t enter_id = 0;
  for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::ifstream input(std::string(root) + "/events/raw_syscalls/sys_enter/id");
    if (input >> enter_id) break;
  }
  for (const pid_t thread : threads_of(process)) {
    constexpr std::uint64_t kInstructions = PERF_COUNT_HW_INSTRUCTIONS;
    user_.push_back(open_counter(PERF_TYPE_HARDWARE, kInstructions, thread, true, false));
    kernel_.push_back(open_counter(PERF_TYPE_HARDWARE, kInstructions, thread, false, true));
    if (enter_id == 0) continue;
    calls_.push_back(open_counter(PERF_TYPE_TRACEPOINT, enter_id, thread, true, true));
  }
}

Counters::Values Counters::read() const { return {sum_of(user_), sum_of(kernel_), sum_of(calls_)}; }

Measurement::Measurement(Options options)
    : options_(std::move(options)),
      calls_max_(options_.idle        ? static_cast<std::uint64_t>(options_.sessions)
                 : options_.calls > 0 ? options_.calls
                                      : kNever) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGALRM, on_alarm);
  const double limit_s = calls_max_ != kNever ? 300 : options_.warm_s + options_.measure_s + 30;
  alarm(static_cast<unsigned>(limit_s));
  before_ = look();
}

void Measurement::begin() {
  if (options_.idle) return;
  if (calls_max_ == kNever && options_.warm_s > 0) {
    next_step_ns_ = now_ns() + static_cast<std::uint64_t>(options_.warm_s * 1e9);
  } else {
    start_window();
  }
}

void Measurement::start_window() {
  if (options_.counters) {
    server_counters_.open(options_.server_pid);
    client_counters_.open(getpid());
  }
  measuring_ = true;
  before_ = look();
  if (calls_max_ != kNever) return;
  next_step_ns_ = before_.at_ns + static_cast<std::uint64_t>(options_.measure_s * 1e9);
}

void Measurement::failed(std::string_view what) {
  if (++errors_ <= 3) {
    std::fprintf(stderr, "call failed: %.*s\n", static_cast<int>(what.size()), what.data());
  }
  if (++ended_ == calls_max_ || now_ns() >= next_step_ns_) step();
}

void Measurement::step() {
  if (options_.idle) report_idle();
  if (!measuring_) return start_window();
  report();
}

Measurement::Snapshot Measurement::look() const {
  Snapshot now;
  now.at_ns = now_ns();
  now.client_cpu_s = cpu_seconds(getpid());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  now.client_user_s = seconds(usage.ru_utime);
  now.client_system_s = seconds(usage.ru_stime);
  now.client = client_counters_.read();
  const pid_t server = options_.server_pid;
  if (server == 0) return now;
  now.server_cpu_s = cpu_seconds(server);
  now.server = server_counters_.read();
  if (options_.idle) {
    now.server_private_kib = field_of(proc_file(server, "smaps_rollup"), "Private_Dirty:");
  }
  read_ticks(server, now.server_user_s, now.server_system_s);
  now.server_kib = field_of(proc_file(server, "status"), "VmRSS:");
  for (const pid_t thread : threads_of(server)) {
    const std::string status = proc_file(server, "task/" + std::to_string(thread) + "/status");
    now.voluntary_switches += field_of(status, "voluntary_ctxt_switches:");
    now.involuntary_switches += field_of(status, "nonvoluntary_ctxt_switches:");
  }
  return now;
}

void Measurement::print_counters(const Snapshot& after, double calls) const {
  const auto per_call = [calls](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / calls;
  };
  std::printf(",\"srv_instr_user\":%.0f,\"srv_instr_kern\":%.0f,\"srv_syscalls\":%.4f",
              per_call(before_.server.user_instructions, after.server.user_instructions),
              per_call(before_.server.kernel_instructions, after.server.kernel_instructions),
              per_call(before_.server.system_calls, after.server.system_calls));
  std::printf(",\"cli_instr_user\":%.0f,\"cli_syscalls\":%.4f",
              per_call(before_.client.user_instructions, after.client.user_instructions),
              per_call(before_.client.system_calls, after.client.system_calls));
}

void Measurement::report() {
  const Snapshot after = look();
  const double window_s = static_cast<double>(after.at_ns - before_.at_ns) * 1e-9;
  const auto calls = static_cast<double>(latencies_.count() > 0 ? latencies_.count() : 1);
  const auto us = [calls](double from_s, double to_s) { return (to_s - from_s) * 1e6 / calls; };
  const auto per_call = [calls](std::uint64_t from, std::uint64_t to) {
    return static_cast<double>(to - from) / calls;
  };
  const auto quantile_us = [this](double q) {
    return static_cast<double>(latencies_.quantile(q)) * 1e-3;
  };
  std::printf(
      "{\"label\":\"%s\",\"scen\":\"%s\",\"conns\":%d,\"depth\":%d,\"payload\":%zu,"
      "\"calls\":%llu,\"secs\":%.3f,\"cps\":%.0f,",
      options_.label.c_str(), options_.scenario.c_str(), options_.sessions, options_.depth,
      options_.payload_bytes, static_cast<unsigned long long>(latencies_.count()), window_s,
      static_cast<double>(latencies_.count()) / window_s);
  std::printf("\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"mean\":%.2f,", quantile_us(.5),
              quantile_us(.99), quantile_us(.999), latencies_.mean() * 1e-3);
  std::printf("\"srv_us\":%.3f,\"srv_user_us\":%.3f,\"srv_sys_us\":%.3f,",
              us(before_.server_cpu_s, after.server_cpu_s),
              us(before_.server_user_s, after.server_user_s),
              us(before_.server_system_s, after.server_system_s));
  std::printf("\"cli_us\":%.3f,\"cli_user_us\":%.3f,\"cli_sys_us\":%.3f,",
              us(before_.client_cpu_s, after.client_cpu_s),
              us(before_.client_user_s, after.client_user_s),
              us(before_.client_system_s, after.client_system_s));
  std::printf(
      "\"srv_util\":%.3f,\"cli_util\":%.3f,\"srv_vcs\":%.4f,\"srv_ivcs\":%.4f,"
      "\"rss_kb\":%llu,\"errors\":%llu",
      (after.server_cpu_s - before_.server_cpu_s) / window_s,
      (after.client_cpu_s - before_.client_cpu_s) / window_s,
      per_call(before_.voluntary_switches, after.voluntary_switches),
      per_call(before_.involuntary_switches, after.involuntary_switches),
      static_cast<unsigned long long>(after.server_kib), static_cast<unsigned long long>(errors_));
  if (options_.counters) print_counters(after, calls);
  if (options_.rate > 0) std::printf(",\"rate\":%.0f", options_.rate);
  std::printf("}\n");
  leave();
}

void Measurement::report_idle() {
  sleep(1);  // the server gives back what the calls needed
  const Snapshot after = look();
  const auto grown = static_cast<double>(after.server_private_kib) -
                     static_cast<double>(before_.server_private_kib);
  std::printf("{\"label\":\"%s\",\"scen\":\"%s\",\"conns\":%d,\"opened\":%llu,",
              options_.label.c_str(), options_.scenario.c_str(), options_.sessions,
              static_cast<unsigned long long>(ended_));
  std::printf(
      "\"rss0_kb\":%llu,\"rss1_kb\":%llu,\"private0_kb\":%llu,\"private1_kb\":%llu,"
      "\"kb_per_conn\":%.3f,\"errors\":%llu}\n",
      static_cast<unsigned long long>(before_.server_kib),
      static_cast<unsigned long long>(after.server_kib),
      static_cast<unsigned long long>(before_.server_private_kib),
      static_cast<unsigned long long>(after.server_private_kib), grown / options_.sessions,
      static_cast<unsigned long long>(errors_));
  leave();
}

}  // namespace fairlead::bench
