// A program that calls while its server dies and comes back.
//
//   redial_client ADDRESS
//
// Ten links of app.dial(), named link-0 to link-9, each with calls of its own, and a client whose
// calls wait for a copy or do not. Whenever the number of open links changes it prints
//   {"open":10}
// and at its end, by TERM,
//   {"begun":900,"ok":850,"not_sent":40,"unknown":10,"other":0,"same":10,"closed":0}
// where every call that was begun is in one of the numbers behind it; `same` are links that are
// found under their names as the sessions that they were; `closed` are close notifications.
#include <atomic>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "math.h"

namespace {

using namespace std::chrono_literals;

constexpr int kLinks = 10;
constexpr int kCallers = 10;
constexpr fl::Duration kPause = 5ms;  // the server needs time too

// Links live on several cores.
struct Counts {
  std::atomic<int> begun{0};
  std::atomic<int> ok{0};
  std::atomic<int> not_sent{0};
  std::atomic<int> unknown{0};
  std::atomic<int> other{0};

  void note(const fl::Status& status) {
    if (status.ok())
      ++ok;
    else if (status.outcome() == fairlead::Outcome::kNotSent)
      ++not_sent;
    else
      ++(status.outcome() == fairlead::Outcome::kUnknown ? unknown : other);
  }
};

struct Program {
  fl::Runtime& runtime;
  Counts counts;
  std::vector<fl::SessionRef> links;
  std::function<void()> look{};  // before the program's end, which closes all links
  int open = -1;

  bool over() const { return runtime.stopping().cancelled(); }
  void show_open() {
    int now = 0;
    for (const fl::SessionRef& link : links) now += link.open() ? 1 : 0;
    if (now == open) return;
    open = now;
    std::printf("{\"open\":%d}\n", open);
    std::fflush(stdout);
  }
};

fl::Task<void> pause() {
  fairlead::io::Core& core = *fairlead::io::Core::current();
  const fl::Status slept = co_await fl::Sleep(core.timers(), core.deadline_after(kPause));
  if (!slept.ok()) std::printf("pause: %s\n", slept.to_string().c_str());
}

fl::Task<void> call_over(Program* program, fl::SessionRef link) {
  while (!program->over()) {
    ++program->counts.begun;
    auto call = link.as<Math>().divide({.a = 6, .b = 3}, fl::within(5s));
    const fl::Result<DivideResult> reply = co_await call;
    program->counts.note(reply.status());
    co_await pause();
  }
}

fl::Task<void> call_some_copy(Program* program, fl::Client<Math> math, bool patient) {
  while (!program->over()) {
    ++program->counts.begun;
    auto call = patient ? math.divide({.a = 6, .b = 3}, fl::within(5s), fl::wait_for_ready)
                        : math.divide({.a = 6, .b = 3}, fl::within(5s));
    const fl::Result<DivideResult> reply = co_await call;
    program->counts.note(reply.status());
    co_await pause();
  }
}

fl::Task<void> watch(Program* program) {
  while (!program->over()) {
    program->show_open();
    program->look();
    co_await pause();
  }
}

fl::Task<int> run(Program* program, fl::Client<Math> math) {
  fl::Scope scope;
  for (const fl::SessionRef& link : program->links) scope.spawn(call_over(program, link));
  for (int i = 0; i < kCallers; ++i) scope.spawn(call_some_copy(program, math, i % 2 == 0));
  scope.spawn(watch(program));
  const fl::Status ended =
      co_await scope.close(fairlead::io::Core::current()->timers(), fl::Deadline());
  co_return ended.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  fl::Runtime runtime(1, argv, "redial_client");
  Program program{.runtime = runtime, .counts = {}, .links = {}};
  std::atomic<int> closed{0};
  runtime.sessions().on_closed([&](const fl::SessionRef&, const fl::Status&) { ++closed; });
  for (int i = 0; i < kLinks; ++i) {
    const fl::Result<fl::SessionRef> link = runtime.dial(argv[1]);
    if (!link.ok() || !link->set_id("link-" + std::to_string(i)).ok()) {
      std::fprintf(stderr, "%s\n", link.status().to_string().c_str());
      return 1;
    }
    program.links.push_back(*link);
  }
  const fl::Client<Math> math = runtime.client<Math>(argv[1]);
  int same = 0;
  int closed_early = 0;
  program.look = [&] {
    same = 0;
    for (int i = 0; i < kLinks; ++i) {
      const auto found = runtime.sessions().find("link-" + std::to_string(i));
      same += found == program.links[static_cast<std::size_t>(i)] ? 1 : 0;
    }
    closed_early = closed;
  };
  const int code = runtime.run(run(&program, math));
  const Counts& counts = program.counts;
  std::printf(
      "{\"begun\":%d,\"ok\":%d,\"not_sent\":%d,\"unknown\":%d,\"other\":%d,\"same\":%d,"
      "\"closed\":%d}\n",
      counts.begun.load(), counts.ok.load(), counts.not_sent.load(), counts.unknown.load(),
      counts.other.load(), same, closed_early);
  return code == 130 ? 0 : code;
}
