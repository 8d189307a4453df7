// head_parse_bench: nanoseconds to read and to write one head (Google Benchmark).
//
// `head_parse_bench --count NAME N` instead does one thing N times and measures nothing, so that
// valgrind can count the instructions of two runs and take their difference.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/writer.h"
#include "heads.h"

namespace {

namespace proto = fairlead::http::proto;
using fairlead::Buffer;

// What a connection keeps from request to request.
struct State {
  proto::RequestHeadParser requests;
  proto::ResponseHeadParser responses;
  Buffer out;
};

// Each reads or writes one head and gives something that depends on all of it.
std::size_t read_request(State& state, std::string_view head) {
  state.requests.reset();
  if (state.requests.parse(head) != proto::ParseState::kDone) std::abort();
  return state.requests.size() + state.requests.fields().size();
}
std::size_t read_wrk(State& state) { return read_request(state, fairlead::bench::kWrkHead); }
std::size_t read_curl(State& state) { return read_request(state, fairlead::bench::kCurlHead); }
std::size_t read_browser(State& state) {
  return read_request(state, fairlead::bench::kBrowserHead);
}
// The first and the last field, and one that is not there.
std::size_t find_fields(State& state) {
  const proto::FieldTable& fields = state.requests.fields();
  return fields.find("Host")->size() + fields.find("Cookie")->size() +
         static_cast<std::size_t>(fields.find("X-Request-Id").has_value());
}
std::size_t read_browser_and_find(State& state) { return read_browser(state) + find_fields(state); }
std::size_t read_response(State& state) {
  state.responses.reset();
  const auto parsed = state.responses.parse(fairlead::bench::kResponseHead, false);
  if (parsed != proto::ParseState::kDone) std::abort();
  return state.responses.size();
}
std::size_t write_response(State& state) {
  state.out.clear();
  proto::HeadWriter writer(state.out);
  writer.status_line(200);
  writer.field("Content-Type", "application/json");
  writer.field("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
  writer.content_length(27);
  if (!writer.finish().ok()) std::abort();
  return state.out.size();
}

struct Work {
  const char* name;
  std::size_t (*run)(State& state);
};
constexpr Work kWorks[] = {
    {"read_wrk", read_wrk},           {"read_curl", read_curl},
    {"read_browser", read_browser},   {"read_browser_and_find", read_browser_and_find},
    {"read_response", read_response}, {"write_response", write_response},
};

int count(const char* name, long rounds) {
  for (const Work& work : kWorks) {
    if (std::strcmp(work.name, name) != 0) continue;
    State state;
    for (long i = 0; i < rounds; ++i) benchmark::DoNotOptimize(work.run(state));
    return 0;
  }
  std::fprintf(stderr, "head_parse_bench: nothing is called %s\n", name);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--names") == 0) {
    for (const Work& work : kWorks) std::printf("%s\n", work.name);
    return 0;
  }
  if (argc == 4 && std::strcmp(argv[1], "--count") == 0) return count(argv[2], std::atol(argv[3]));
  for (const Work& work : kWorks) {
    benchmark::RegisterBenchmark(work.name, [&work](benchmark::State& rounds) {
      State state;
      for ([[maybe_unused]] auto round : rounds) benchmark::DoNotOptimize(work.run(state));
    });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
