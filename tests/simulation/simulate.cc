// Runs scenarios under seeds: --seeds N [--from S] for many, --seed S [--trace] for one again; with
// --entrance those of rpc::Entrance, with --links those of callers whose servers come and go.
// Ends with "N passed, N failed"; 1 when a property was broken, 2 for a mistake of the caller.

#include <cinttypes>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "entrance_scenario.h"
#include "fairlead/base/text.h"
#include "link_scenario.h"
#include "scenario.h"

namespace {

using fairlead::simulation::Outcome;
using fairlead::simulation::run_entrance_scenario;
using fairlead::simulation::run_link_scenario;
using fairlead::simulation::run_scenario;

int usage() {
  std::fputs(
      "usage: simulate [KIND] --seeds N [--from S]   seeds S .. S+N-1 (S is 1 unless said)\n"
      "       simulate [KIND] --seed S [--trace]     one seed; --trace prints every event\n"
      "KIND: --entrance: connections that are told apart by first bytes; --links: callers whose\n"
      "      servers come and go; else peers and calls.\n"
      "Ends with 0 when every property held under every seed, else 1.\n",
      stderr);
  return 2;
}

void print(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
}

void print_violations(std::uint64_t seed, const std::vector<std::string>& violations) {
  for (const std::string& violation : violations) {
    std::printf("seed %" PRIu64 ": %s\n", seed, violation.c_str());
  }
}

bool run_entrance(std::uint64_t seed, bool trace) {
  const auto outcome = trace ? run_entrance_scenario(seed, print) : run_entrance_scenario(seed);
  print_violations(seed, outcome.violations);
  if (trace || !outcome.violations.empty()) {
    std::printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " connections, %" PRIu64
                " to rpc, %" PRIu64 " to HTTP\n",
                seed, outcome.digest, outcome.accepted, outcome.rpc, outcome.http);
  }
  return outcome.violations.empty();
}

bool run(std::uint64_t seed, bool trace) {
  const Outcome outcome = trace ? run_scenario(seed, print) : run_scenario(seed);
  print_violations(seed, outcome.violations);
  if (trace || !outcome.violations.empty()) {
    std::printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " calls, %" PRIu64
                " replies, %" PRIu64 " pushes\n",
                seed, outcome.digest, outcome.calls, outcome.replies, outcome.pushes);
  }
  return outcome.violations.empty();
}

bool run_links(std::uint64_t seed, bool trace) {
  const auto outcome = trace ? run_link_scenario(seed, print) : run_link_scenario(seed);
  print_violations(seed, outcome.violations);
  if (trace || !outcome.violations.empty()) {
    std::printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " calls, %" PRIu64
                " replies, %" PRIu64 " lives of servers%s\n",
                seed, outcome.digest, outcome.calls, outcome.replies, outcome.lives,
                outcome.quiet ? ", all in order" : "");
  }
  return outcome.violations.empty();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 0;
  std::uint64_t from = 1;
  bool trace = false;
  std::string_view kind;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--entrance" || word == "--links") {
      kind = word;
      continue;
    }
    if (word == "--trace") {
      trace = true;
      continue;
    }
    const auto number = i + 1 < argc ? fairlead::parse_uint64(argv[++i]) : std::nullopt;
    if (!number.has_value()) return usage();
    if (word == "--seeds")
      seeds = *number;
    else if (word == "--from")
      from = *number;
    else if (word == "--seed")
      from = *number, seeds = 1;
    else
      return usage();
  }
  if (seeds == 0 || seeds > 10'000'000) return usage();
  std::uint64_t failed = 0;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    const bool held = kind == "--entrance" ? run_entrance(seed, trace)
                      : kind == "--links"  ? run_links(seed, trace)
                                           : run(seed, trace);
    if (held) continue;
    ++failed;
    std::printf("again: simulate %s%s--seed %" PRIu64 " --trace\n", std::string(kind).c_str(),
                kind.empty() ? "" : " ", seed);
  }
  std::printf("%" PRIu64 " passed, %" PRIu64 " failed\n", seeds - failed, failed);
  return failed == 0 ? 0 : 1;
}
