// A service of ours, called with JSON over HTTP: the whole way to a typed handler and back.
//
//   fairlead_call_server PORT http    HTTP alone
//   fairlead_call_server PORT tcp     raw calls, HTTP and WebSocket, told apart by their first
//   bytes
//
// POST /math/divide on 127.0.0.1. One core, metrics as every App has them. Ends with 0 on SIGTERM
// and SIGINT.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "fairlead/fairlead.h"

namespace math_service {

struct DivideArg {
  double a = 0;
  double b = 0;
};
struct DivideResult {
  double quotient = 0;
};
FL_STRUCT(DivideArg, (1, a), (2, b, range(0.01, 1e5), error(1001, "divisor out of range")))
FL_STRUCT(DivideResult, (1, quotient))

struct Math {
  static DivideResult divide(DivideArg);  // CALL /math/divide
};
FL_SERVICE(Math, (divide))

struct MathLogic {
  DivideResult divide(DivideArg in) const { return {.quotient = in.a / in.b}; }
};

}  // namespace math_service

int main(int argc, char** argv) {
  const std::string_view scheme = argc == 3 ? argv[2] : "";
  if (scheme != "http" && scheme != "tcp") {
    std::fprintf(stderr, "usage: %s PORT http|tcp\n", argv[0]);
    return 2;
  }
  const std::array<const char*, 5> arguments{argv[0], "--cores", "1", "--log-level", "warn"};
  fl::App app(static_cast<int>(arguments.size()), arguments.data(), "math");
  app.serve<math_service::Math>(math_service::MathLogic{});
  return app.run(std::string(scheme) + "://127.0.0.1:" + argv[1]);
}
