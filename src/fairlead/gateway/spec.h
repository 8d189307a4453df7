// GatewaySpec: what a gateway is told by its configuration. docs/reference/gateway.md shows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fairlead/base/code.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/config/reader.h"
#include "fairlead/io/address.h"
#include "fairlead/runtime/protection.h"

namespace fairlead::gateway {

// Requests below `prefix` go to `service`; the rest of the path is the method.
struct RouteSpec {
  std::string prefix{};   // plain path, begins with '/', no '/' at the end (but "/" itself)
  std::string service{};  // name in the registry
  bool strip = false;     // the method is the path without the prefix
};

struct GatewaySpec {
  io::Address listen{};
  std::string admin{};                        // "127.0.0.1:9901"; empty: no admin listener
  std::string store{};                        // where services register; empty: not said
  std::uint32_t cores = 0;                    // threads; 0: one per CPU
  std::string pid_file{};                     // empty: none
  Duration drain = std::chrono::seconds(20);  // for requests under way at the end, 0 .. 1 h
  // Before that: not ready any more, and still accepting, for who looks at readiness now and then;
  // 0 .. 1 h.
  Duration notice = Duration::zero();
  Duration upgrade_ready_timeout = std::chrono::seconds(30);  // 100 ms .. 1 h
  Duration timeout = std::chrono::seconds(15);                // of one request, 1 ms .. 1 h
  std::uint64_t body_bytes_max = std::uint64_t{8} << 20U;     // 1 .. 8 MiB: a frame holds no more
  runtime::ProtectionOptions limits{};                        // of the process
  HttpStyle status_style = HttpStyle::kStrict;
  std::vector<RouteSpec> routes{};
};

// Found by config::ObjectReader. Errors, all with their places: those of ObjectReader;
// `address.bad`, `admin.not_loopback`, `gateway.bad_prefix`, `gateway.prefix_taken`,
// `service.bad_name`.
Status read(const config::Value& value, RouteSpec& out);
Status read(const config::Value& value, GatewaySpec& out);

}  // namespace fairlead::gateway
