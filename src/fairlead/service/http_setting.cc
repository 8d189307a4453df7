#include "fairlead/service/http_setting.h"

#include "fairlead/base/text.h"
#include "fairlead/config/reader.h"
#include "fairlead/rpc/websocket_stream.h"

namespace fairlead::service {

Status read(const config::Value& value, HttpSpec& out) {
  config::ObjectReader reader(value);
  reader.optional("origins", out.origins);
  reader.optional("credentials", out.credentials);
  reader.optional("websocket", out.websocket);
  reader.optional("any_host", out.any_host);
  if (const Status good = out.cors().validate(); !good.ok()) {
    reader.reject("origins", "config.bad_value", good.message());
  }
  if (out.websocket.empty() || !rpc::protocol_of_websocket(out.websocket).has_value()) {
    reader.reject("websocket", "config.bad_value",
                  "wanted json, pb or raw, got '" + escape_text(out.websocket) + "'");
  }
  return reader.finish();
}

}  // namespace fairlead::service
