// Full load on two cores for a while, with the resident memory watched. README.md says what for.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/io/core_group.h"
#include "load.h"
#include "tests/testkit/heap.h"

namespace {

using namespace fairlead;
using namespace std::chrono_literals;

struct Options {
  Duration length = 10min;
  bool any_memory = false;
};

struct Sample {
  double seconds;
  std::int64_t rss_kib;
};

struct Report {
  std::vector<Sample> samples;
  std::uint64_t calls = 0;
  std::uint64_t wrong = 0;
};

// A sample every 10 s of a day.
constexpr std::size_t kSamplesMax = 24 * 360 + 1;

int usage() {
  std::fputs(
      "usage: soak [--minutes M | --seconds S] [--any-memory]\n"
      "Loads two cores and watches the memory; 10 minutes unless said, at most a day.\n"
      "--any-memory: says PASS however it grows, for runs too short to judge.\n",
      stderr);
  return 2;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--any-memory") {
      options.any_memory = true;
      continue;
    }
    const auto number = i + 1 < argc ? parse_double(argv[++i]) : std::nullopt;
    const double unit = word == "--minutes" ? 60 : word == "--seconds" ? 1 : 0;
    const double seconds = number.value_or(0) * unit;
    if (!(seconds >= 1) || seconds > 24 * 3600) return std::nullopt;
    options.length = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  }
  return options;
}

std::int64_t rss_kib() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// Two cores that serve and call each other, over TCP one way and a Unix socket the other.
class Machine {
 public:
  Status start() {
    soak::add_routes(router_);
    FL_TRY_ASSIGN(cores_, io::CoreGroup::make(2));
    for (io::Core* core : cores_->cores()) {
      loads_.push_back(std::make_unique<soak::Load>(*core, router_, counts_, 100 + loads_.size()));
    }
    FL_TRY(loads_[0]->serve(io::Address::loopback(0)));
    FL_TRY_ASSIGN(const io::Address local, io::Address::parse("unix:" + path_));
    FL_TRY(loads_[1]->serve(local));
    FL_TRY(cores_->start());
    for (std::size_t i = 0; i < 2; ++i) {
      cores_->cores()[i]->post(
          [load = loads_[i].get(), server = loads_[1 - i]->address()] { load->start(server); });
    }
    return {};
  }
  const soak::Counts& counts() const { return counts_; }

  void settle() {
    for (const auto& load : loads_) load->settle();
  }

  void stop() {
    for (const auto& load : loads_) load->stop();
    std::atomic<int> closed{0};
    const auto close = [](soak::Load* load, std::atomic<int>* done) -> Task<void> {
      auto closing = load->close();
      co_await closing;
      done->fetch_add(1);
    };
    for (std::size_t i = 0; i < loads_.size(); ++i) {
      io::Core* core = cores_->cores()[i];
      core->post(
          [core, close, load = loads_[i].get(), &closed] { core->spawn(close(load, &closed)); });
    }
    while (closed.load() < 2) std::this_thread::sleep_for(10ms);
    cores_->stop();
  }

 private:
  const std::string path_ = "/tmp/fl_soak_" + std::to_string(getpid()) + ".sock";
  rpc::Router router_;
  soak::Counts counts_;
  std::unique_ptr<io::CoreGroup> cores_;
  std::vector<std::unique_ptr<soak::Load>> loads_;
};

// Prints a line every so often until the time is over.
void watch(Machine& machine, Duration length, std::vector<Sample>& samples) {
  const soak::Counts& counts = machine.counts();
  const Duration step = std::clamp<Duration>(length / 40, 1s, 10s);
  const Time start = steady_now();
  std::printf("%8s %10s %10s %10s %9s %9s %7s %6s %6s\n", "time s", "RSS KiB", "calls/s", "pushes",
              "late", "cancelled", "dials", "cut", "wrong");
  std::uint64_t calls_before = 0;
  for (Time next = start + step; next <= start + length; next += step) {
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(next.time_since_epoch()));
    if (next - start >= length / 12) machine.settle();
    const std::uint64_t calls = counts.calls;
    const double seconds = std::chrono::duration<double>(steady_now() - start).count();
    samples.push_back({.seconds = seconds, .rss_kib = rss_kib()});
    const double rate =
        static_cast<double>(calls - calls_before) / std::chrono::duration<double>(step).count();
    calls_before = calls;
    std::printf("%8.0f %10" PRId64 " %10.0f %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %7" PRIu64
                " %6" PRIu64 " %6" PRIu64 "\n",
                seconds, samples.back().rss_kib, rate, counts.pushes.load(), counts.late.load(),
                counts.cancelled.load(), counts.dials.load(), counts.cut.load(),
                counts.wrong.load());
    std::fflush(stdout);
  }
}

void run(Duration length, Report& report) {
  Machine machine;
  const Status started = machine.start();
  if (!started.ok()) {
    std::fprintf(stderr, "soak: %s\n", started.to_string().c_str());
    return;
  }
  watch(machine, length, report.samples);
  machine.stop();
  report.calls = machine.counts().calls;
  report.wrong = machine.counts().wrong;
}

// The first tenth is for warming up; after it the memory must stay within 2 %.
bool is_flat(const std::vector<Sample>& samples, Duration length) {
  const double warm = std::chrono::duration<double>(length).count() / 10;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  for (const Sample& sample : samples) {
    if (sample.seconds < warm) continue;
    lowest = lowest == 0 ? sample.rss_kib : std::min(lowest, sample.rss_kib);
    highest = std::max(highest, sample.rss_kib);
  }
  const double percent =
      lowest == 0 ? 0 : 100.0 * static_cast<double>(highest - lowest) / static_cast<double>(lowest);
  std::printf("after %.0f s: from %" PRId64 " to %" PRId64 " KiB, %.2f %% (at most 2 %%)\n", warm,
              lowest, highest, percent);
  return lowest > 0 && percent <= 2.0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options.has_value()) return usage();
  // malloc keeps what it was given: what is seen is what was ever needed.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);

  Report report;
  report.samples.reserve(kSamplesMax);
  const testkit::Heap before = testkit::heap();
  // On a thread of its own, whose end gives back what threads keep for themselves.
  std::thread([&] { run(options->length, report); }).join();
  const std::int64_t left = testkit::heap().blocks - before.blocks;

  const bool flat = is_flat(report.samples, options->length) || options->any_memory;
  const bool passed = flat && left == 0 && report.wrong == 0 && report.calls > 0;
  std::printf("%" PRIu64 " calls, %" PRIu64 " wrong; %" PRId64 " blocks of the heap left\n%s\n",
              report.calls, report.wrong, left, passed ? "PASS" : "FAIL");
  return passed ? 0 : 1;
}
