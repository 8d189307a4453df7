// The service `math`. Start as many copies as you like: each finds a free port and registers.
//
//   build/release/examples/math/demo_service --store file:/tmp/store.db
#include "math.h"  // NOLINT(modernize-deprecated-headers): ours, beside this file

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

struct MathLogic {
  fl::Result<DivideResult> divide(fl::Context& context, DivideArg in) {
    if (context.meta("x-dry-run") == "1") return fl::error(1002, "dry run");
    return DivideResult{.quotient = in.a / in.b};  // b was checked by its rule
  }

  WhoResult who() { return {.process = ::getpid()}; }

  DivideResult fail(DivideArg in) {
    throw std::runtime_error("told to fail with " + std::to_string(in.a));
  }

  fl::Task<fl::Result<DivideResult>> slow(fl::Context& context, DivideArg in) {
    const auto pause = std::chrono::duration_cast<fl::Duration>(
        std::chrono::duration<double>(std::clamp(in.a, 0.0, 60.0)));
    fl::Sleep sleep(context.core().timers(), context.core().deadline_after(pause),
                    context.cancel());
    FL_CO_TRY(co_await sleep);
    co_return DivideResult{.quotient = in.a / in.b};
  }

  void stat(StatArg in) { FL_LOG(info, "math.stat", {"ts", in.ts}); }
};

int main(int argc, char** argv) {
  fl::App app(argc, argv, "math");  // flags, environment, math.yaml, signals
  app.serve<Math>(MathLogic{});
  return app.discover().run("tcp://127.0.0.1:0");  // returns after an orderly drain
}
