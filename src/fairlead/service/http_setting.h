// The setting `http`: whose pages may ask, and what a WebSocket without a sub-protocol speaks.
#pragma once

#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/value.h"
#include "fairlead/rpc/http_cors.h"

namespace fairlead::service {

struct HttpSpec {
  // "https://shop.example": pages of these origins may read answers and open WebSockets; "*" alone:
  // all pages. Pages of the listener's own host need not be named. Empty: no others.
  std::vector<std::string> origins{};
  bool credentials = false;       // cookies and the like go with their requests; not with "*"
  std::string websocket = "raw";  // json, pb or raw; erpc's own default is json
  // Over TLS: requests for hosts that neither the client's SNI names nor the certificate is for.
  // For proxies that name one host in the handshake and pass the Host of their clients on.
  bool any_host = false;

  rpc::CorsOptions cors() const { return {.origins = origins, .credentials = credentials}; }
};

// Found by config::bind(). Errors: those of config::ObjectReader; `config.bad_value`.
Status read(const config::Value& value, HttpSpec& out);

}  // namespace fairlead::service
