// Runs a scenario and compares the heap before and after.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "tests/testkit/heap.h"

namespace fairlead::simulation {

using Trace = std::function<void(std::string_view line)>;

// `run` gets a sink for its events (empty when `trace` is) and gives an Outcome that has
// `violations`; what is left on the heap becomes one. It runs on a thread of its own, whose end
// gives back what threads keep for themselves. What `trace` keeps is its own.
template <class Outcome>
Outcome run_watched(const std::function<Outcome(Trace)>& run, const Trace& trace) {
  testkit::Heap kept;
  const auto sink = [&trace, &kept](std::string_view line) {
    const testkit::Heap before = testkit::heap();
    trace(line);
    const testkit::Heap after = testkit::heap();
    kept.blocks += after.blocks - before.blocks;
    kept.bytes += after.bytes - before.bytes;
  };
  Outcome outcome;
  const testkit::Heap before = testkit::heap();
  std::thread([&] { outcome = run(trace ? Trace(sink) : Trace()); }).join();
  const testkit::Heap after = testkit::heap();
  const std::int64_t blocks = after.blocks - before.blocks - kept.blocks;
  const std::int64_t bytes = after.bytes - before.bytes - kept.bytes;
  if (outcome.violations.empty() && (blocks != 0 || bytes != 0)) {
    outcome.violations.push_back("the heap holds " + std::to_string(blocks) + " blocks, " +
                                 std::to_string(bytes) + " bytes more than before");
  }
  return outcome;
}

}  // namespace fairlead::simulation
