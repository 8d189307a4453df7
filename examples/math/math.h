// The contract of the service `math`: all that its callers and its server share.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

struct DivideArg {
  double a = 0;
  double b = 0;
  std::string caller{};
};
struct DivideResult {
  double quotient = 0;
};
struct WhoResult {
  std::int64_t process = 0;
};
struct StatArg {
  std::int64_t ts = 0;
};

FL_STRUCT(DivideArg, (1, a), (2, b, range(0.01, 1e5), error(1001, "divisor out of range")),
          (3, caller, from_meta("x-caller"), len(0, 32)))
FL_STRUCT(DivideResult, (1, quotient))
FL_STRUCT(WhoResult, (1, process))
FL_STRUCT(StatArg, (1, ts))

struct Math {
  static DivideResult divide(DivideArg);  // CALL /math/divide
  static WhoResult who();                 // CALL /math/who: which copy answers
  static DivideResult fail(DivideArg);    // CALL /math/fail: what a handler that throws looks like
  static DivideResult slow(DivideArg);    // CALL /math/slow: divides after `a` seconds
  static fl::Push stat(StatArg);          // PUSH /math/stat
};
FL_SERVICE(Math, (divide, idempotent), (who, idempotent), (fail), (slow), (stat))
