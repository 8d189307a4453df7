// The contract that the tests of this room use, and its handlers.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "fairlead/fairlead.h"

namespace math_test {

struct DivideArg {
  double a = 0, b = 0;
  std::string caller{};
};
struct DivideResult {
  double quotient = 0;
  std::string caller{};
};
struct StatArg {
  std::int64_t ts = 0;
};
FL_STRUCT(DivideArg, (1, a), (2, b, range(0.01, 1e5), error(1001, "divisor out of range")),
          (3, caller, from_meta("x-caller"), len(0, 32)))
FL_STRUCT(DivideResult, (1, quotient), (2, caller))
FL_STRUCT(StatArg, (1, ts))

struct Math {
  static DivideResult divide(DivideArg);
  static DivideResult divide_slowly(DivideArg);  // takes `a` milliseconds
  static std::string greet(std::string);
  static fl::Bytes echo(fl::Bytes);
  static std::string name();
  static void nothing();
  static void broken();
  static fl::Push stat(StatArg);
};
FL_SERVICE(Math, (divide, idempotent), (divide_slowly), (greet), (echo), (name), (nothing),
           (broken), (stat))

struct MathLogic {
  std::string own_name = "math";
  std::atomic<std::int64_t>* last_stat = nullptr;
  std::vector<fl::Status> nobody{};  // asking for one of them throws

  fl::Result<DivideResult> divide(fl::Context& context, DivideArg in) const {
    if (context.meta("x-dry-run") == "1") return fl::error(1002, "dry run");
    return DivideResult{.quotient = in.a / in.b, .caller = in.caller};
  }
  fl::Task<fl::Result<DivideResult>> divide_slowly(fl::Context& context, DivideArg in) const {
    const std::chrono::milliseconds pause(static_cast<std::int64_t>(in.a));
    fl::Sleep sleep(context.core().timers(), context.core().deadline_after(pause),
                    context.cancel());
    FL_CO_TRY(co_await sleep);
    co_return DivideResult{.quotient = in.a / in.b, .caller = {}};
  }
  std::string greet(std::string who) const { return "hello " + who; }
  fl::Bytes echo(fl::Bytes in) const { return in; }
  std::string name() const { return own_name; }
  void nothing() const {}
  fl::Status broken() const { return nobody.at(7); }
  void stat(StatArg in) const {
    if (last_stat != nullptr) *last_stat = in.ts;
  }
};

}  // namespace math_test
