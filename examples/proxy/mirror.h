// The service `mirror`: tells a caller how its call came. Behind a proxy it shows what the proxy
// lets through.
#pragma once

#include <map>
#include <string>

#include <fairlead/fairlead.h>

struct LookArg {
  std::string text{};
};
struct LookResult {
  std::string text{};
  std::string codec{};       // of the body: "json", "protobuf", ...
  std::string transforms{};  // ids, outermost first
  std::string real_ip{};     // who called first
  std::map<std::string, std::string> metadata{};
};
FL_STRUCT(LookArg, (1, text))
FL_STRUCT(LookResult, (1, text), (2, codec), (3, transforms), (4, real_ip), (5, metadata))

struct Mirror {
  static LookResult look(LookArg);    // CALL /mirror/look
  static fl::Push remember(LookArg);  // PUSH /mirror/remember
  static LookResult remembered();     // CALL /mirror/remembered: what the last push was
};
FL_SERVICE(Mirror, (look, idempotent), (remember), (remembered, idempotent))
